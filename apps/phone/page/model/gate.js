// Lets pictures pass while something in them changes, and until what came of it has settled:
// edgevid/runtime/gate.py, which says why its numbers are what they are.

const NOISE_EVERY = 16, BLOCKS = 43, ROWS = 2, DEVIATIONS = 8, LEAST = 3, MOST = 12;
const EXPOSURE = 0.05, SHARE = 0.05, BUFFERED = 28, MEMORIES = 4, STEADY = 0.02;

/** @typedef {{values: Float32Array, rows: number, columns: number}} Light mean light of each block */

/** Says of each picture whether the network needs to see it. */
export class Gate {
  #memory;
  /** @type {Light | null} */
  #usual = null;
  /** @type {Light | null} */
  #before = null;
  #least = 0;
  #quiet = 0;
  /** @type {Map<string, number>} */
  #anchor = new Map();
  #steady = 0;

  /** @param {number} memoryFrames how far the network's running mean reaches back */
  constructor(memoryFrames) {
    this.#memory = Math.max(memoryFrames, 1);
  }

  /** Forgets what was seen: the next picture passes. */
  reset() {
    this.#usual = this.#before = null;
    this.#least = this.#quiet = this.#steady = 0;
    this.#anchor = new Map();
  }

  /**
   * Whether the network is to take this picture.
   * @param {import("./preprocess.js").Pixels} view RGBA, the part that the network sees
   */
  passes(view) {
    if (this.#memory === Infinity) return true;
    const light = lightOf(view), changed = this.#changes(light);
    this.#quiet = changed ? 0 : this.#quiet + 1;
    if (!changed && this.#isSettled()) return false;
    if (changed) {
      this.#usual = { ...light, values: light.values.slice() };
    } else if (this.#usual) {
      const share = Math.max(SHARE, 1 / (this.#quiet + 1)), { values } = this.#usual;
      for (let at = 0; at < values.length; at++) values[at] += share * (light.values[at] - values[at]);
    }
    return true;
  }

  /**
   * Takes what came of a picture that passed.
   * @param {import("../watch/events.js").Score[]} scores
   */
  note(scores) {
    const now = new Map(scores.map(({ label, probability }) => [label, probability]));
    let moved = 0;
    for (const label of new Set([...now.keys(), ...this.#anchor.keys()])) {
      moved = Math.max(moved, Math.abs((now.get(label) ?? 0) - (this.#anchor.get(label) ?? 0)));
    }
    if (moved > STEADY) [this.#anchor, this.#steady] = [now, 0];
    else this.#steady += 1;
  }

  #isSettled() {
    if (this.#quiet <= BUFFERED) return false;
    return this.#steady >= this.#memory || this.#quiet > BUFFERED + MEMORIES * this.#memory;
  }

  /** @param {Light} light */
  #changes(light) {
    const before = this.#before, usual = this.#usual;
    this.#before = light;
    if (!before || !usual || before.values.length !== light.values.length) return true;
    const isDue = this.#quiet % NOISE_EVERY === 0;
    const most = light.values.reduce((m, value, at) => Math.max(m, Math.abs(value - usual.values[at])), 0);
    if (!isDue && most <= this.#least) return false;
    const step = difference(everyOther(light), everyOther(before)).sort(), half = step.length >> 1;
    const median = step.length % 2 ? step[half] : (step[half - 1] + step[half]) / 2;
    const noise = median / 0.6745 / Math.SQRT2;
    const least = Math.min(Math.max(LEAST, DEVIATIONS * noise), MOST);
    if (isDue) this.#least = least;
    return difference(light.values, usual.values).reduce((m, value) => Math.max(m, value), 0) > least;
  }
}

/** @param {import("./preprocess.js").Pixels} view @returns {Light} */
function lightOf({ data, width, height }) {
  const side = Math.max(1, Math.floor(Math.min(height, width) / BLOCKS));
  const lines = Math.min(side, ROWS), stride = Math.max(1, Math.floor(side / ROWS));
  const sampled = Math.ceil(height / stride);
  const rows = Math.max(1, Math.floor(sampled / lines)), columns = Math.max(1, Math.floor(width / side));
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows * lines; row++) {
    const start = row * stride * width * 4, to = Math.floor(row / lines) * columns;
    for (let column = 0; column < columns * side; column++) {
      const at = start + column * 4;
      const grey = (data[at] * 4899 + data[at + 1] * 9617 + data[at + 2] * 1868 + 8192) >> 14;
      values[to + Math.floor(column / side)] += grey;
    }
  }
  return { values: values.map((sum) => sum / (lines * side)), rows, columns };
}

/** @param {Light} light */
function everyOther({ values, rows, columns }) {
  const kept = [];
  for (let row = 0; row < rows; row += 2) {
    for (let column = 0; column < columns; column += 2) kept.push(values[row * columns + column]);
  }
  return Float32Array.from(kept);
}

/**
 * By how much blocks differ, less what the camera's exposure makes of it.
 * @param {Float32Array} light
 * @param {Float32Array} other
 */
function difference(light, other) {
  const sum = (/** @type {Float32Array} */ values) => values.reduce((total, value) => total + value, 0);
  const ratio = sum(light) / Math.max(sum(other), 1) - 1;
  const isExposure = ratio !== 0 && Math.abs(ratio) < EXPOSURE;
  return light.map((value, at) => {
    let change = value - other[at];
    if (isExposure) {
      const exposed = other[at] * ratio;
      change -= Math.min(Math.max(change, Math.min(exposed, 0)), Math.max(exposed, 0));
    }
    return Math.abs(change);
  });
}
