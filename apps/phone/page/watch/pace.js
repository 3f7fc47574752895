// Keeps the frames that fall on the model's clock: edgevid/runtime/pace.py, line for line.

/** Chooses, by timestamp, the frame nearest to each tick of a clock. */
export class Pace {
  #fps;
  #start = NaN;
  #previous = NaN;
  #tick = -1;
  /** Ticks that went by without a frame. */
  skipped = 0;

  /** @param {number} fps ticks a second, over 0 */
  constructor(fps) {
    if (!(fps > 0 && fps < Infinity)) throw new RangeError(`fps must be over 0, not ${fps}`);
    this.#fps = fps;
  }

  /**
   * Whether the frame of this moment is for the model. To be asked once a frame.
   * @param {number} timestamp seconds
   */
  due(timestamp) {
    if (this.#tick < 0) {
      this.#start = this.#previous = timestamp;
      this.#tick = 0;
      return true;
    }
    const interval = Math.min(timestamp - this.#previous, 1 / this.#fps);
    this.#previous = timestamp;
    const tick = Math.floor((timestamp - this.#start + interval / 2) * this.#fps);
    if (tick <= this.#tick) return false;
    this.skipped += tick - this.#tick - 1;
    this.#tick = tick;
    return true;
  }
}
