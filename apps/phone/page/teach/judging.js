// What a head's logits are worth: events found and false. edgevid/teach/judging.py.

import { EventDetector } from "../watch/events.js";
import { warmedUp } from "./frames.js";
import { logistic } from "./logistic.js";

const PIECE_S = 5; // of background, as long as what it is compared with

/**
 * @typedef {import("./frames.js").Frames} Frames
 * @typedef {import("../watch/events.js").EventRules} EventRules
 */

/**
 * Returns the largest logits of what shows a label, and of what does not, piece by piece.
 * @param {Frames} frames
 * @param {string} wanted
 * @param {Float64Array} logits `[frames]`
 */
export function largestLogits(frames, wanted, logits) {
  /** @type {{shown: number[], others: number[]}} */
  const found = { shown: [], others: [] };
  const largest = (/** @type {number[]} */ rows) => Math.max(...rows.map((row) => logits[row]));
  for (const [number, { label, times }] of frames.examples.entries()) {
    const rows = frames.rows(number);
    if (label) {
      (label === wanted ? found.shown : found.others).push(largest(rows.slice(warmedUp(rows.length))));
      continue;
    }
    const pieces = new Map();
    for (const [place, row] of rows.entries()) {
      const piece = Math.floor((times[place] - times[0]) / PIECE_S);
      pieces.set(piece, [...(pieces.get(piece) ?? []), row]);
    }
    found.others.push(...[...pieces.values()].map(largest));
  }
  return found;
}

/**
 * Plays frames past the detector of events, and compares with what is known.
 * @param {Frames} frames
 * @param {string} label
 * @param {Float64Array} logits `[frames]`, calibrated
 * @param {EventRules} rules
 */
export function judge(frames, label, logits, rules) {
  let shown = 0, found = 0, wrong = 0, seconds = 0;
  for (const [number, example] of frames.examples.entries()) {
    const rows = frames.rows(number), detector = new EventDetector(rules);
    const warm = example.label ? warmedUp(rows.length) : 0;
    let starts = 0;
    for (const [place, row] of rows.entries()) {
      if (place < warm) continue;
      const scores = [{ label: "", probability: logistic(logits[row]) }];
      const events = detector.update({ timestamp: example.times[place], scores });
      starts += events.filter(({ state }) => state === "start").length;
    }
    if (example.label === label) {
      shown += 1;
      found += Number(starts > 0);
    } else {
      wrong += starts;
    }
    seconds += lengthOf(example.times) - (example.label === label ? spanOf(example.times) : 0);
  }
  return { shown, found, wrong, hours: Math.max(seconds, 0) / 3600 };
}

/** @param {number[]} times */
const spanOf = (times) => times[times.length - 1] - times[0];

/** How long an example is: the last frame lasts as well. @param {number[]} times */
function lengthOf(times) {
  if (times.length < 2) return 0.2 * times.length;
  const steps = times.slice(1).map((time, at) => time - times[at]);
  return spanOf(times) + median(steps);
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
