// Notices when a camera looks at another scene than before: edgevid/runtime/scenes.py.

const THRESHOLD = 0.12, SIDE = 36, COARSE = 12, LEVELS = 6, FAINT = 5;
const DRIFT_OVER_S = 2, DRIFT_KEEPS_S = 1;

/** Frames that all that was before a cut counts for. */
export const CUT = 1;

/**
 * @typedef {object} Description what is remembered of a picture
 * @property {Float32Array} pattern the coarse pattern of light less its mean
 * @property {number} length of `pattern` as a vector
 * @property {boolean} hasPattern
 * @property {() => Float32Array} colours square roots of the numbers of samples that have each colour
 */

/** Compares each picture with those before it. */
export class SceneWatch {
  /** @type {Description[]} */
  #seen = [];
  #driftOver;
  #driftKeeps;

  /** @param {number} fps pictures a second that it is shown */
  constructor(fps) {
    this.#driftOver = Math.max(1, Math.round(DRIFT_OVER_S * fps));
    this.#driftKeeps = Math.max(1, DRIFT_KEEPS_S * fps);
  }

  /**
   * Returns for how many pictures the past may still count: Infinity in an unchanged scene.
   * @param {Uint8Array<ArrayBuffer>} picture RGB
   * @param {number} width
   * @param {number} height
   */
  look(picture, width, height) {
    const description = describe(picture, width, height), seen = this.#seen;
    let counts = Infinity;
    if (seen.length && differ(seen[seen.length - 1], description)) {
      counts = CUT;
      seen.length = 0;
    } else if (seen.length === this.#driftOver && differ(seen[0], description)) {
      counts = this.#driftKeeps;
    }
    if (seen.length === this.#driftOver) seen.shift();
    seen.push(description);
    return counts;
  }

  /** Forgets everything. */
  reset() {
    this.#seen.length = 0;
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} picture
 * @param {number} width
 * @param {number} height
 * @returns {Description}
 */
function describe(picture, width, height) {
  const sampled = new Uint8Array(SIDE * SIDE * 3);
  for (let row = 0, to = 0; row < SIDE; row++) {
    const line = Math.min(Math.floor(row * (height / SIDE)), height - 1) * width;
    for (let column = 0; column < SIDE; column++) {
      const from = 3 * (line + Math.min(Math.floor(column * (width / SIDE)), width - 1));
      for (let channel = 0; channel < 3; channel++) sampled[to++] = picture[from + channel];
    }
  }
  const pattern = coarse(sampled);
  const mean = pattern.reduce((sum, value) => sum + value, 0) / pattern.length;
  for (let at = 0; at < pattern.length; at++) pattern[at] -= mean;
  const length = Math.sqrt(dot(pattern, pattern));
  const hasPattern = length > FAINT * Math.sqrt(pattern.length);
  /** @type {Float32Array | null} */
  let counted = null; // seldom asked for, and never changing
  return { pattern, length, hasPattern, colours: () => (counted ??= colours(sampled)) };
}

/** Means of three by three samples, rounded. @param {Uint8Array<ArrayBuffer>} sampled */
function coarse(sampled) {
  const step = SIDE / COARSE, out = new Float32Array(COARSE * COARSE * 3);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const to = 3 * (Math.floor(row / step) * COARSE + Math.floor(column / step));
      for (let channel = 0; channel < 3; channel++) {
        out[to + channel] += sampled[3 * (row * SIDE + column) + channel];
      }
    }
  }
  return out.map((sum) => Math.round(sum / (step * step)));
}

/** @param {number} value */
const level = (value) => (value * LEVELS) >> 8;

/** @param {Uint8Array<ArrayBuffer>} sampled */
function colours(sampled) {
  const counts = new Float32Array(LEVELS ** 3);
  for (let at = 0; at < sampled.length; at += 3) {
    const r = level(sampled[at]), g = level(sampled[at + 1]), b = level(sampled[at + 2]);
    counts[(r * LEVELS + g) * LEVELS + b] += 1;
  }
  return counts.map(Math.sqrt);
}

/**
 * @param {Description} one
 * @param {Description} other
 */
function differ(one, other) {
  const pattern = patternDistance(one, other);
  const colour = () => 1 - dot(one.colours(), other.colours()) / (SIDE * SIDE);
  return pattern > THRESHOLD && pattern * colour() > THRESHOLD;
}

/**
 * @param {Description} one
 * @param {Description} other
 */
function patternDistance(one, other) {
  if (one.hasPattern && other.hasPattern) {
    return 1 - dot(one.pattern, other.pattern) / (one.length * other.length);
  }
  return one.hasPattern || other.hasPattern ? 1 : 0;
}

/**
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
function dot(one, other) {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += one[at] * other[at];
  return sum;
}
