// Chooses by cross-validation what a head's logits mean, and when it speaks:
// edgevid/teach/choosing.py, for the recipe that it begins with.

import { Frames } from "./frames.js";
import { Fitting } from "./heads.js";
import { judge, largestLogits } from "./judging.js";
import { fit, logistic } from "./logistic.js";

/**
 * @typedef {import("./frames.js").Example} Example
 * @typedef {import("../watch/events.js").EventRules} EventRules
 * @typedef {object} TeachingResult
 * @property {string[]} labels in the head's order
 * @property {import("../model/model_file.js").Head} head
 * @property {EventRules} rules
 * @property {{label: string, shown: number, found: number, wrong: number, hours: number}[]} judgements
 *   of examples that were held out, one a label; none where nothing could be
 */

const ROOTS = 2, WINDOWS_S = [0.4, 1, 3], PENALTY = 3e-3;
const MIN_DURATIONS = [0.1, 0.3, 0.5];
const COOL_DOWN_S = 2, THRESHOLDS = 40, BEYOND = 0.5, OFF_ODDS = 4, MOST_FOLDS = 5;

/** @type {EventRules} where nothing could be held out */
const UNMEASURED = {
  on_threshold: 0.5, off_threshold: 0.2, smoothing: 0, min_duration: 0.1, cool_down: COOL_DOWN_S,
};

/** What is wrong with examples; empty when they can be taught. @param {Example[]} examples */
export function lack(examples) {
  const labels = labelsOf(examples);
  if (!labels.length) return "Film an action first: name it, and hold the button while it happens.";
  if (labels.length === 1 && examples.every(({ label }) => label)) {
    return "Film nothing, too: the same place without the action. Else all is taken for it.";
  }
  return "";
}

/**
 * Returns the recipe for a network of so many frames a second.
 * @param {number} fps
 * @returns {import("./frames.js").Recipe}
 */
export function recipe(fps) {
  const windows = new Set(WINDOWS_S.map((seconds) => Math.max(1, Math.round(seconds * fps))));
  return { roots: ROOTS, windows: [...windows].sort((a, b) => a - b), penalty: PENALTY };
}

/** @param {Example[]} examples */
const labelsOf = (examples) =>
  [...new Set(examples.map(({ label }) => label))].filter(Boolean).sort();

/**
 * Fits a head to examples, and measures it on those that are held out in turn.
 * @param {Example[]} examples `lack` finds nothing wrong with them
 * @param {number} fps frames a second that the network reads
 * @param {number} [falseAnHour] how many false events are allowed
 * @returns {TeachingResult}
 */
export function learn(examples, fps, falseAnHour = 1) {
  const labels = labelsOf(examples), frames = new Frames(examples);
  const fitting = new Fitting(frames, labels, recipe(fps));
  const held = holdOut(frames, labels, fitting);
  const calibration = labels.map(() => ({ scale: 1, shift: 0 }));
  const rules = labels.map(() => UNMEASURED);
  /** @type {TeachingResult["judgements"]} */
  const judgements = [];
  labels.forEach((label, place) => {
    if (!held) return;
    calibration[place] = calibrated(frames, label, held[place]);
    const { scale, shift } = calibration[place];
    const logits = held[place].map((value) => value * scale + shift);
    rules[place] = rulesFor(frames, label, logits, falseAnHour);
    judgements.push({ label, ...judge(frames, label, logits, rules[place]) });
  });
  const fitted = fitting.fit(frames.owner.map((_, row) => row));
  const byLabel = labels.length > 1 && held
    ? { by_label: Object.fromEntries(labels.map((label, place) => [label, rules[place]])) } : {};
  return {
    labels, head: fitting.head(fitted, calibration), rules: { ...rules[0], ...byLabel }, judgements,
  };
}

/**
 * Returns what heads say of frames that they were not fitted to, one array a label; null where
 * nothing can be held out.
 * @param {Frames} frames
 * @param {string[]} labels
 * @param {Fitting} fitting
 */
export function holdOut(frames, labels, fitting) {
  const folds = split(frames.examples);
  if (!folds) return null;
  const logits = labels.map(() => new Float64Array(frames.length));
  for (const fold of new Set(folds)) {
    const rows = frames.owner.map((_, row) => row);
    const fitted = fitting.fit(rows.filter((row) => folds[frames.owner[row]] !== fold));
    for (const row of rows.filter((one) => folds[frames.owner[one]] === fold)) {
      labels.forEach((_, label) => { logits[label][row] = fitting.logit(fitted, row, label); });
    }
  }
  return logits;
}

/**
 * Returns in which fold each example is held out; null where only one shows anything.
 * @param {Example[]} examples
 */
function split(examples) {
  const showing = examples.filter(({ label }) => label).length;
  if (showing < 2) return null;
  const keys = examples.map((_, number) => `example ${number}`);
  const order = [...examples.keys()].sort((a, b) =>
    Number(Boolean(examples[b].label)) - Number(Boolean(examples[a].label))
    || (keys[a] < keys[b] ? -1 : 1));
  const folds = Array.from({ length: Math.min(MOST_FOLDS, showing) }, () => ({
    shown: /** @type {Map<string, number>} */ (new Map()), frames: 0,
  }));
  const found = examples.map(() => 0);
  for (const number of order) {
    const { label, times } = examples[number];
    const load = folds.map(({ shown }) => (label ? shown.get(label) ?? 0 : 0));
    let fold = 0;
    for (let other = 1; other < folds.length; other++) {
      const less = load[other] - load[fold] || folds[other].frames - folds[fold].frames;
      if (less < 0) fold = other;
    }
    found[number] = fold;
    if (label) folds[fold].shown.set(label, load[fold] + 1);
    folds[fold].frames += times.length;
  }
  return found;
}

/**
 * Returns by what logits are to be multiplied, and what is to be added (Platt's method).
 * @param {Frames} frames
 * @param {string} label
 * @param {Float64Array} logits
 */
export function calibrated(frames, label, logits) {
  const { targets, counts } = frames.targets(label);
  const rows = [...counts.keys()].filter((row) => counts[row] > 0);
  const values = Float64Array.from(rows, (row) => logits[row]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  const { weights, bias } = fit(
    values.map((value) => value / spread), 1, Float64Array.from(rows, (row) => targets[row]),
    Float64Array.from(rows, (row) => counts[row]), 1e-3,
  );
  return { scale: Math.max(weights[0] / spread, 1e-3 / spread), shift: bias };
}

/**
 * Returns rules that find most within a budget of false events.
 * @param {Frames} frames
 * @param {string} label
 * @param {Float64Array} logits calibrated, of heads that were not fitted to them
 * @param {number} falseAnHour
 */
export function rulesFor(frames, label, logits, falseAnHour) {
  const thresholds = thresholdsOf(largestLogits(frames, label, logits));
  let best = { value: Infinity, rules: UNMEASURED };
  for (const lasts of MIN_DURATIONS) {
    const trials = thresholds.map((threshold) => ({
      threshold, ...judge(frames, label, logits, rulesAt(threshold, lasts)),
    }));
    const within = trials.filter(({ wrong, hours }) => wrong <= Math.floor(falseAnHour * hours + 1e-9));
    const usable = within.length ? within : trials.slice(-1);
    const most = Math.max(...usable.map(({ found }) => found));
    const even = usable.filter(({ found }) => found === most).map(({ threshold }) => threshold);
    const rules = rulesAt((even[0] + even[even.length - 1]) / 2, lasts);
    const value = within.length ? -most : Number.MAX_VALUE; // delays are not known of clips
    if (value < best.value) best = { value, rules };
  }
  return best.rules;
}

/**
 * Returns logits from where all is found, or nothing is false, to beyond all.
 * @param {{shown: number[], others: number[]}} largest
 */
function thresholdsOf({ shown, others }) {
  const least = Math.min(...shown);
  const lowest = Math.min(least, others.length ? Math.max(...others) : least) - BEYOND;
  const highest = Math.max(...shown, ...others) + BEYOND;
  return Array.from({ length: THRESHOLDS }, (_, number) =>
    lowest + (number / (THRESHOLDS - 1)) * (highest - lowest));
}

/**
 * @param {number} threshold
 * @param {number} lasts
 * @returns {EventRules}
 */
const rulesAt = (threshold, lasts) => ({
  on_threshold: logistic(threshold), off_threshold: logistic(threshold - Math.log(OFF_ODDS)),
  smoothing: 0, min_duration: lasts, cool_down: COOL_DOWN_S,
});
