// Fits a head to frames: edgevid/teach/heads.py.

import { columnsOf } from "./frames.js";
import { eigen, gram, product } from "./linear.js";
import { fit as fitLogistic } from "./logistic.js";

const COMPONENTS = 128;

/**
 * @typedef {import("./frames.js").Frames} Frames
 * @typedef {import("./frames.js").Recipe} Recipe
 * @typedef {{mean: Float64Array, weights: Float64Array[], bias: number[]}} Fitted a head a label
 */

/** Fits heads by one recipe, for some of the frames at a time. */
export class Fitting {
  #recipe;
  #components;
  #targets;
  /** `[frames, width]` */
  means;

  /**
   * @param {Frames} frames
   * @param {string[]} labels
   * @param {Recipe} recipe
   */
  constructor(frames, labels, recipe) {
    this.#recipe = recipe;
    this.#components = frames.components(recipe.roots);
    this.means = frames.means(this.#components, recipe.windows);
    this.#targets = labels.map((label) => frames.targets(label));
  }

  /**
   * Fits to the chosen ones of the frames.
   * @param {number[]} chosen rows
   * @returns {Fitted}
   */
  fit(chosen) {
    const { rows, width } = this.means;
    const mean = new Float64Array(width);
    for (const row of chosen) {
      for (let at = 0; at < width; at++) mean[at] += rows[row * width + at] / chosen.length;
    }
    const centred = new Float64Array(chosen.length * width);
    chosen.forEach((row, number) => {
      for (let at = 0; at < width; at++) centred[number * width + at] = rows[row * width + at] - mean[at];
    });
    const { inputs, columns, axes } = shortened(centred, width);
    const scale = Math.sqrt(inputs.reduce((sum, value) => sum + value * value, 0) / chosen.length) || 1;
    for (let at = 0; at < inputs.length; at++) inputs[at] /= scale;
    /** @type {Fitted} */
    const fitted = { mean, weights: [], bias: [] };
    for (const of of this.#targets) {
      const targets = Float64Array.from(chosen, (row) => of.targets[row]);
      const counts = balanced(targets, Float64Array.from(chosen, (row) => of.counts[row]));
      const found = counts
        ? fitLogistic(inputs, columns, targets, counts, this.#recipe.penalty)
        : { weights: new Float64Array(columns), bias: 0 };
      const weights = axes ? product(axes, found.weights, columns) : found.weights;
      fitted.weights.push(weights.map((value) => value / scale));
      fitted.bias.push(found.bias);
    }
    return fitted;
  }

  /**
   * What heads say of a frame.
   * @param {Fitted} fitted
   * @param {number} row
   * @param {number} label
   */
  logit(fitted, row, label) {
    const { rows, width } = this.means, weights = fitted.weights[label];
    let sum = fitted.bias[label];
    for (let at = 0; at < width; at++) sum += (rows[row * width + at] - fitted.mean[at]) * weights[at];
    return sum;
  }

  /**
   * Returns what runs on the phone: on features themselves, and calibrated.
   * @param {Fitted} fitted
   * @param {{scale: number, shift: number}[]} calibration one a label
   * @returns {import("../model/model_file.js").Head}
   */
  head(fitted, calibration) {
    const { roots, windows } = this.#recipe, { axes, columns, mean } = this.#components;
    const features = mean.length, width = windows.length * features;
    const weights = new Float32Array(fitted.bias.length * width);
    const bias = fitted.bias.map((value, label) => {
      const { scale, shift } = calibration[label], own = fitted.weights[label];
      let shifted = value;
      for (let at = 0; at < own.length; at++) shifted -= fitted.mean[at] * own[at];
      shifted = shifted * scale + shift;
      for (let window = 0; window < windows.length; window++) {
        for (let feature = 0; feature < features; feature++) {
          let sum = 0;
          for (let at = 0; at < columns; at++) {
            sum += own[window * columns + at] * axes[feature * columns + at];
          }
          weights[label * width + window * features + feature] = sum * scale;
          shifted -= sum * scale * mean[feature];
        }
      }
      return shifted;
    });
    return { windows, features, roots, weights, bias: Float32Array.from(bias) };
  }
}

/**
 * Both sides count the same; null where there is only one.
 * @param {Float64Array} targets
 * @param {Float64Array} counts
 */
export function balanced(targets, counts) {
  const sides = [0, 1].map((side) =>
    counts.reduce((sum, value, row) => sum + (targets[row] === side ? value : 0), 0));
  return sides[0] && sides[1] ? counts.map((value, row) => value / sides[targets[row]]) : null;
}

/**
 * Returns inputs by their main components, and the axes of these; null for the inputs' own.
 * @param {Float64Array} centred
 * @param {number} width
 */
function shortened(centred, width) {
  if (width <= COMPONENTS) return { inputs: centred.slice(), columns: width, axes: null };
  const { vectors } = eigen(gram(centred, width), width);
  const axes = columnsOf(vectors, width, Array.from({ length: COMPONENTS }, (_, at) => width - COMPONENTS + at));
  return { inputs: product(centred, axes, width), columns: COMPONENTS, axes };
}
