// All examples' frames in one table, and which of them say what: edgevid/teach/frames.py.

import { rooted } from "../model/head.js";
import { eigen, gram, product } from "./linear.js";

const WARM_UP = 5, FRAMES_A_SPAN = 10, COMPONENTS = 128, SPREAD = 1e-12;

/**
 * @typedef {object} Example one recording as the network saw it
 * @property {string} label what it shows from beginning to end; empty for background
 * @property {number[]} times seconds, one a frame
 * @property {Float32Array[]} features one row a frame
 *
 * @typedef {object} Recipe
 * @property {number} roots
 * @property {number[]} windows
 * @property {number} penalty
 */

/** The frames of examples, one after the other. */
export class Frames {
  examples;
  /** To which example a frame belongs. */
  owner;
  /** Seconds in its recording. */
  times;
  #features;

  /** @param {Example[]} examples */
  constructor(examples) {
    this.examples = examples;
    this.owner = examples.flatMap(({ times }, number) => times.map(() => number));
    this.times = examples.flatMap(({ times }) => times);
    this.#features = examples.flatMap(({ features }) => features);
  }

  get length() {
    return this.owner.length;
  }

  /** Where an example's frames are. @param {number} example */
  rows(example) {
    return this.owner.flatMap((owner, row) => (owner === example ? [row] : []));
  }

  /**
   * Returns a basis for the features, and all frames in it.
   * @param {number} roots
   */
  components(roots) {
    const frames = this.#features.map((row) => rooted(row, roots));
    const size = frames[0].length, count = frames.length;
    const mean = new Float64Array(size);
    for (const row of frames) for (let at = 0; at < size; at++) mean[at] += row[at] / count;
    const centred = new Float64Array(count * size);
    frames.forEach((row, number) => {
      for (let at = 0; at < size; at++) centred[number * size + at] = row[at] - mean[at];
    });
    const { axes, columns } = mainAxes(centred, size, Math.min(COMPONENTS, Math.max(1, count - 1)));
    return { mean, axes, columns, frames: product(centred, axes, size) };
  }

  /**
   * Returns components' means over the last frames: `[frames, windows * components]`.
   * @param {{frames: Float64Array, columns: number}} components
   * @param {number[]} windows
   */
  means({ frames, columns }, windows) {
    const width = windows.length * columns, out = new Float64Array(this.length * width);
    let first = 0; // of the example
    for (let row = 0; row < this.length; row++) {
      if (row && this.owner[row] !== this.owner[row - 1]) first = row;
      windows.forEach((window, number) => {
        const count = Math.min(window, row - first + 1), to = row * width + number * columns;
        for (let from = row - count + 1; from <= row; from++) {
          for (let at = 0; at < columns; at++) out[to + at] += frames[from * columns + at] / count;
        }
      });
    }
    return { rows: out, width };
  }

  /**
   * Returns what each frame says of a label, 1 or 0, and how much it counts.
   * @param {string} label
   */
  targets(label) {
    const targets = new Float64Array(this.length), counts = new Float64Array(this.length);
    this.examples.forEach((example, number) => {
      const rows = this.rows(number), warm = warmedUp(rows.length);
      for (const [place, row] of rows.entries()) {
        targets[row] = Number(example.label === label);
        counts[row] = example.label ? Number(place >= warm) / (rows.length - warm) : 1 / FRAMES_A_SPAN;
      }
    });
    for (const side of [0, 1]) {
      const total = counts.reduce((sum, value, row) => sum + (targets[row] === side ? value : 0), 0);
      if (total > 0) {
        for (let row = 0; row < this.length; row++) if (targets[row] === side) counts[row] /= 2 * total;
      }
    }
    return { targets, counts };
  }
}

/** From which frame of a clip on a stream has warmed up. @param {number} count */
export const warmedUp = (count) => Math.min(WARM_UP, count >> 1);

/**
 * @param {Float64Array} centred
 * @param {number} size
 * @param {number} most
 */
function mainAxes(centred, size, most) {
  const count = centred.length / size;
  const { values, vectors } = eigen(gram(centred, size, () => 1 / count), size);
  const least = Math.max(values[size - 1], 0) * SPREAD + SPREAD;
  let kept = [...values.keys()].filter((at) => values[at] > least).slice(-most);
  if (!kept.length) kept = [size - 1];
  return { axes: columnsOf(vectors, size, kept), columns: kept.length };
}

/**
 * @param {Float64Array} matrix
 * @param {number} size
 * @param {number[]} kept
 */
export function columnsOf(matrix, size, kept) {
  const out = new Float64Array((matrix.length / size) * kept.length);
  for (let row = 0; row < matrix.length / size; row++) {
    kept.forEach((from, to) => { out[row * kept.length + to] = matrix[row * size + from]; });
  }
  return out;
}
