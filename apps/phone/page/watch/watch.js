// One camera's or clip's way through a model: edgevid/runtime/watch.py.

import { EventDetector } from "./events.js";
import { Pace } from "./pace.js";

// What is seen after such a gap has nothing to do with what was seen before it.
const LONGEST_GAP_S = 10;

/**
 * @typedef {import("./events.js").Event} Event
 * @typedef {import("./events.js").Prediction} Prediction
 * @typedef {{prediction: Prediction | null, events: Event[]}} Seen
 * @typedef {object} Frame
 * @property {number} timestamp seconds: capture time of a camera, media time of a file
 * @property {number} index
 * @property {() => Promise<ImageBitmap>} picture made only when it is looked at
 */

/** Pace, stream and events together: the way of every frame, whatever it comes from. */
export class Watch {
  #model;
  #detector;
  #pace;
  #previous = NaN;
  #skipped = 0;
  /** Whether the network rests while nothing in the picture changes. */
  gated = false;
  /** Steps that the network did not have to make. */
  saved = 0;

  /** @param {import("../model/model.js").Model} model */
  constructor(model) {
    this.#model = model;
    this.#detector = new EventDetector(model.manifest.events);
    this.#pace = new Pace(model.manifest.fps);
  }

  /** Ticks of the model's clock, so far, that went by without a frame. */
  get skipped() {
    return this.#skipped + this.#pace.skipped;
  }

  /**
   * Takes the next frame of the source. Where time jumps it starts afresh.
   * To be called again when the last call has ended.
   * @param {Frame} frame
   * @returns {Promise<Seen>}
   */
  async take({ timestamp, index, picture }) {
    const gap = timestamp - this.#previous;
    const ended = gap > LONGEST_GAP_S || gap < 0 ? await this.end() : [];
    this.#previous = timestamp;
    if (!this.#pace.due(timestamp)) return { prediction: null, events: ended };
    const { scores, inference_ms, rested } =
      await this.#model.step(await picture(), { gated: this.gated });
    if (rested) this.saved += 1;
    const prediction = { timestamp, index, scores, inference_ms };
    return { prediction, events: [...ended, ...this.#detector.update(prediction)] };
  }

  /**
   * Ends what is going on, and returns it; what comes next has nothing to do with it.
   * @returns {Promise<Event[]>}
   */
  async end() {
    this.#skipped = this.skipped;
    this.#pace = new Pace(this.#model.manifest.fps);
    this.#previous = NaN;
    await this.#model.reset();
    return this.#detector.close();
  }
}
