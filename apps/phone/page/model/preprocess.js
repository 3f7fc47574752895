// A picture becomes the network's input: edgevid/runtime/preprocess.py, with OpenCV's arithmetic.

/**
 * @typedef {{data: Uint8Array | Uint8ClampedArray, width: number, height: number}} Pixels
 *   RGBA as a canvas gives it (RGB after fitting), a byte each, row by row
 * @typedef {"crop" | "stretch" | "letterbox"} Fit
 */

/**
 * Returns the part of a picture that a network looks at: with `crop` the largest middle part of
 * the input's shape, else all.
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @param {number} aspect the input's width over its height
 * @param {Fit} fit
 */
export function seen(width, height, aspect, fit) {
  if (fit !== "crop") return { x: 0, y: 0, width, height };
  return middle(width, height, aspect);
}

/**
 * Returns the largest middle part with this ratio of width to height.
 * @param {number} width
 * @param {number} height
 * @param {number} aspect
 */
function middle(width, height, aspect) {
  const keptWidth = Math.min(width, Math.max(1, round(height * aspect)));
  const keptHeight = Math.min(height, Math.max(1, round(width / aspect)));
  return {
    x: (width - keptWidth) >> 1, y: (height - keptHeight) >> 1,
    width: keptWidth, height: keptHeight,
  };
}

/**
 * Scales what `seen` chose to the input's size; returns RGB.
 * @param {Pixels} image RGBA
 * @param {number} width of the input
 * @param {number} height of the input
 * @param {Fit} fit
 * @returns {Uint8Array<ArrayBuffer>} RGB, `[height, width, 3]`
 */
export function fitted(image, width, height, fit) {
  if (fit === "letterbox" && (image.width !== width || image.height !== height)) {
    const out = new Uint8Array(width * height * 3);
    const part = middle(width, height, image.width / image.height);
    const shrunk = shrink(image, part.width, part.height);
    for (let row = 0; row < part.height; row++) {
      const line = shrunk.subarray(row * part.width * 3, (row + 1) * part.width * 3);
      out.set(line, ((part.y + row) * width + part.x) * 3);
    }
    return out;
  }
  return shrink(image, width, height);
}

/**
 * Halving first, then interpolating, as in Python.
 * @param {Pixels} image RGBA
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array<ArrayBuffer>} RGB
 */
function shrink(image, width, height) {
  let data = withoutAlpha(image);
  let [from, rows] = [image.width, image.height];
  while (rows >= 2 * height && from >= 2 * width) {
    data = halved(data, from, rows);
    [from, rows] = [from >> 1, rows >> 1];
  }
  return from === width && rows === height ? data : interpolated(data, from, rows, width, height);
}

/** @param {Pixels} image */
function withoutAlpha({ data, width, height }) {
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    out[to] = data[from];
    out[to + 1] = data[from + 1];
    out[to + 2] = data[from + 2];
  }
  return out;
}

/**
 * Means of two by two pixels, rounded half up: OpenCV's INTER_AREA at half the size.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {number} width
 * @param {number} height
 */
function halved(data, width, height) {
  const columns = width >> 1, rows = height >> 1, stride = 3 * width;
  const out = new Uint8Array(columns * rows * 3);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    let from = 2 * row * stride;
    for (let column = 0; column < columns; column++, from += 6) {
      for (let channel = 0; channel < 3; channel++) {
        const at = from + channel;
        out[to++] = (data[at] + data[at + 3] + data[at + stride] + data[at + stride + 3] + 2) >> 2;
      }
    }
  }
  return out;
}

const BITS = 11; // of the weights, as OpenCV's INTER_LINEAR has them for bytes

/**
 * OpenCV's INTER_LINEAR for bytes: weights of 11 bits, and the same roundings.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {number} width
 * @param {number} height
 * @param {number} columns
 * @param {number} rows
 */
function interpolated(data, width, height, columns, rows) {
  const across = weights(width, columns), down = weights(height, rows);
  const out = new Uint8Array(columns * rows * 3);
  const lines = [new Int32Array(columns * 3), new Int32Array(columns * 3)];
  const held = [-1, -1]; // which rows the lines are of
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const first = down.place[row], second = Math.min(first + 1, height - 1);
    if (held[1] === first) {
      lines.reverse();
      held.reverse();
    }
    for (const [line, wanted] of [[0, first], [1, second]]) {
      if (held[line] !== wanted) {
        spread(data, wanted * width * 3, width, across, lines[line]);
        held[line] = wanted;
      }
    }
    const [upper, lower] = lines, one = down.first[row], other = down.second[row];
    for (let at = 0; at < columns * 3; at++) {
      const sum = ((one * (upper[at] >> 4)) >> 16) + ((other * (lower[at] >> 4)) >> 16);
      out[to++] = (sum + 2) >> 2;
    }
  }
  return out;
}

/**
 * @param {number} size
 * @param {number} wanted
 */
function weights(size, wanted) {
  const place = new Int32Array(wanted);
  const first = new Int32Array(wanted), second = new Int32Array(wanted);
  const scale = 1 / (wanted / size), one = 1 << BITS;
  for (let at = 0; at < wanted; at++) {
    let share = Math.fround((at + 0.5) * scale - 0.5);
    let from = Math.floor(share);
    share = Math.fround(share - from);
    if (from < 0) [from, share] = [0, 0];
    if (from >= size - 1) [from, share] = [size - 1, 0];
    place[at] = from;
    first[at] = round(Math.fround(1 - share) * one);
    second[at] = round(share * one);
  }
  return { place, first, second };
}

/**
 * Interpolates along one row.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {number} start of the row
 * @param {number} width
 * @param {ReturnType<typeof weights>} across
 * @param {Int32Array} out
 */
function spread(data, start, width, across, out) {
  for (let column = 0, to = 0; column < across.place.length; column++) {
    const from = start + across.place[column] * 3;
    const next = across.place[column] + 1 < width ? from + 3 : from;
    const one = across.first[column], other = across.second[column];
    for (let channel = 0; channel < 3; channel++, to++) {
      out[to] = data[from + channel] * one + data[next + channel] * other;
    }
  }
}

/** Rounds halves to the even neighbour, as Python and OpenCV do. @param {number} value */
export function round(value) {
  const floor = Math.floor(value), rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
