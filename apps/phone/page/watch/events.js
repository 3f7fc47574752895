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
      known.smoothed += this.#share(elapsed) * ((listed.get(label) ?? 0) - known.smoothed);
      found.push(...this.#changes(label, known));
      if (known.smoothed < FORGOTTEN && !known.isOn && !this.#cools(known)) {
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

  /** The newest probability's share in the smoothed one; all of it at first. @param {number} elapsed */
  #share(elapsed) {
    if (Number.isNaN(elapsed) || this.#rules.smoothing === 0) return 1;
    return 1 - Math.exp(-elapsed / this.#rules.smoothing);
  }

  /** @param {{ended: number}} known */
  #cools(known) {
    return this.#now - known.ended < this.#rules.cool_down;
  }

  /**
   * @param {string} label
   * @param {{smoothed: number, aboveSince: number, isOn: boolean, ended: number}} known
   * @returns {Event[]}
   */
  #changes(label, known) {
    const rules = this.#rules, now = this.#now, probability = known.smoothed;
    if (known.isOn) {
      if (probability >= rules.off_threshold) return [];
      known.isOn = false;
      known.ended = now;
      known.aboveSince = NaN;
      return [{ state: "end", label, timestamp: now, probability }];
    }
    if (probability < rules.on_threshold) {
      known.aboveSince = NaN;
      return [];
    }
    if (Number.isNaN(known.aboveSince)) known.aboveSince = now;
    if (now - known.aboveSince < rules.min_duration || this.#cools(known)) return [];
    known.isOn = true;
    return [{ state: "start", label, timestamp: now, probability }];
  }
}
