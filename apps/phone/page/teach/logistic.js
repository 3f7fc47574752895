// Logistic regression with an L2 penalty, by Newton's method: edgevid/teach/logistic.py.

import { gram, solve } from "./linear.js";

const STEPS = 25, CLOSE = 1e-7, BIAS_PENALTY = 1e-9, SHORTEST_STEP = 1e-4;

/** @param {number} value */
export const logistic = (value) => {
  const small = Math.exp(-Math.abs(value));
  return (value >= 0 ? 1 : small) / (1 + small);
};

/**
 * Fits weights and a bias so that the logistic function of what they give is near the targets.
 * @param {Float64Array} inputs `[frames, columns]`
 * @param {number} columns
 * @param {Float64Array} targets `[frames]`
 * @param {Float64Array} counts `[frames]`, how much each counts; their sum does not matter
 * @param {number} penalty
 * @returns {{weights: Float64Array, bias: number}}
 */
export function fit(inputs, columns, targets, counts, penalty) {
  const frames = targets.length, size = columns + 1;
  const total = counts.reduce((sum, value) => sum + value, 0), share = counts.map((value) => value / total);
  const rows = new Float64Array(frames * size);
  for (let frame = 0; frame < frames; frame++) {
    rows.set(inputs.subarray(frame * columns, (frame + 1) * columns), frame * size);
    rows[frame * size + columns] = 1;
  }
  const penalties = new Float64Array(size).fill(penalty);
  penalties[columns] = BIAS_PENALTY;

  /** @param {Float64Array} at */
  const logits = (at) => {
    const out = new Float64Array(frames);
    for (let frame = 0; frame < frames; frame++) {
      let sum = 0;
      for (let one = 0; one < size; one++) sum += rows[frame * size + one] * at[one];
      out[frame] = sum;
    }
    return out;
  };
  /** @param {Float64Array} at */
  const lossOf = (at) => {
    const found = logits(at);
    let loss = 0;
    for (let frame = 0; frame < frames; frame++) {
      const value = found[frame];
      loss += share[frame] * (Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value))) - targets[frame] * value);
    }
    return loss + 0.5 * at.reduce((sum, value, one) => sum + penalties[one] * value * value, 0);
  };

  let found = new Float64Array(size), loss = lossOf(found);
  for (let round = 0; round < STEPS; round++) {
    const probabilities = logits(found).map(logistic);
    const gradient = found.map((value, one) => penalties[one] * value);
    for (let frame = 0; frame < frames; frame++) {
      const miss = share[frame] * (probabilities[frame] - targets[frame]);
      for (let one = 0; one < size; one++) gradient[one] += miss * rows[frame * size + one];
    }
    const hessian = gram(rows, size, (frame) =>
      share[frame] * probabilities[frame] * (1 - probabilities[frame]));
    for (let one = 0; one < size; one++) hessian[one * size + one] += penalties[one];
    const step = solve(hessian, gradient);
    let length = 1, next = found, nextLoss = Infinity;
    while (length > SHORTEST_STEP) {
      next = found.map((value, one) => value - length * step[one]);
      nextLoss = lossOf(next);
      if (nextLoss <= loss) break;
      length /= 2;
    }
    if (!(nextLoss <= loss)) break;
    const gained = loss - nextLoss;
    [found, loss] = [next, nextLoss];
    if (gained < CLOSE) break;
  }
  return { weights: found.slice(0, columns), bias: found[columns] };
}
