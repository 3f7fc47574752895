// Predictions become events: edgevid/runtime/events.py, line for line.

/**
 * @typedef {{label: string, probability: number}} Score
 * @typedef {{timestamp: number, index: number, scores: Score[], inference_ms: number}} Prediction
 * @typedef {{state: "start" | "end", label: string, timestamp: number, probability: number}} Event
 * @typedef {object} EventRules probabilities are 0 to 1, times are seconds
 * @property {number} on_threshold
 * @property {number} off_threshold
 * @property {number} smoothing time constant of an exponential mean
 * @property {number} min_duration
 * @property {number} cool_down
 * @property {Record<string, EventRules>} [by_label] what holds for single labels in place of the rest
 */

const FORGOTTEN = 1e-3; // a label whose smoothed probability is below this is no longer followed

/** Turns predictions into events, one prediction at a time. */
export class EventDetector {
  #rules;
  /** @type {Map<string, {smoothed: number, aboveSince: number, isOn: boolean, ended: number}>} */
  #labels = new Map();
  #now = NaN;

  /** @param {EventRules} rules */
  constructor(rules) {
    this.#rules = rules;
  }

  /**
   * Takes one more prediction; returns what started or ended with it.
   * @param {Pick<Prediction, "timestamp" | "scores">} prediction
   * @returns {Event[]}
   */
  update({ timestamp, scores }) {
    const elapsed = timestamp - this.#now;
    this.#now = timestamp;
    const listed = new Map(scores.map(({ label, probability }) => [label, probability]));
    for (const label of listed.keys()) {
      if (!this.#labels.has(label)) {
        this.#labels.set(label, { smoothed: 0, aboveSince: NaN, isOn: false, ended: -Infinity });
      }
    }
    /** @type {Event[]} */
    const found = [];
    for (const [label, known] of [...this.#labels]) {
      const rules = this.#of(label);
      known.smoothed += share(rules, elapsed) * ((listed.get(label) ?? 0) - known.smoothed);
      found.push(...this.#changes(label, known, rules));
      if (known.smoothed < FORGOTTEN && !known.isOn && !this.#cools(known, rules)) {
        this.#labels.delete(label);
      }
    }
    return found;
  }

  /**
   * Ends whatever is going on, and forgets everything.
   * @returns {Event[]}
   */
  close() {
    const on = [...this.#labels].filter(([, known]) => known.isOn);
    this.#labels.clear();
    const last = this.#now;
    this.#now = NaN;
    return on.map(([label, known]) => ({
      state: "end", label, timestamp: last, probability: known.smoothed,
    }));
  }

  /** What holds for a label. @param {string} label */
  #of(label) {
    const { by_label: byLabel } = this.#rules;
    return byLabel && Object.hasOwn(byLabel, label) ? byLabel[label] : this.#rules;
  }

  /**
   * @param {{ended: number}} known
   * @param {EventRules} rules
   */
  #cools(known, rules) {
    return this.#now - known.ended < rules.cool_down;
  }

  /**
   * @param {string} label
   * @param {{smoothed: number, aboveSince: number, isOn: boolean, ended: number}} known
   * @param {EventRules} rules
   * @returns {Event[]}
   */
  #changes(label, known, rules) {
    const now = this.#now, probability = known.smoothed;
    if (known.isOn) {
      if (probability >= rules.off_threshold) return [];
      known.isOn = false;
      known.ended = now;
      known.aboveSince = NaN;
      return [{ state: "end", label, timestamp: now, probability }];
    }
    if (probability < rules.on_threshold || rules.on_threshold === 1) {
      known.aboveSince = NaN;
      return [];
    }
    if (Number.isNaN(known.aboveSince)) known.aboveSince = now;
    if (now - known.aboveSince < rules.min_duration || this.#cools(known, rules)) return [];
    known.isOn = true;
    return [{ state: "start", label, timestamp: now, probability }];
  }
}

/**
 * The newest probability's share in the smoothed one; all of it at first.
 * @param {EventRules} rules
 * @param {number} elapsed
 */
function share(rules, elapsed) {
  if (Number.isNaN(elapsed) || rules.smoothing === 0) return 1;
  return 1 - Math.exp(-elapsed / rules.smoothing);
}
