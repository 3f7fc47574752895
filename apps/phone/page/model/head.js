// Runs the head of a taught model: edgevid/runtime/head.py.

/** Means over the last frames, over several lengths at once; over all while there are fewer. */
export class RunningMeans {
  #windows;
  /** @type {Float32Array[]} the last frames, oldest first */
  #kept = [];

  /** @param {number[]} windows how many frames each mean goes over, ascending */
  constructor(windows) {
    this.#windows = windows;
  }

  /**
   * Takes one more frame's features; returns its means, those of the first window first.
   * @param {Float32Array} features
   */
  add(features) {
    const kept = this.#kept, windows = this.#windows;
    if (kept.length === windows[windows.length - 1]) kept.shift();
    kept.push(features);
    const means = new Float32Array(windows.length * features.length);
    windows.forEach((window, number) => {
      const frames = kept.slice(-window), at = number * features.length;
      for (let feature = 0; feature < features.length; feature++) {
        let sum = 0;
        for (const frame of frames) sum += frame[feature];
        means[at + feature] = sum / frames.length;
      }
    });
    return means;
  }

  /** Forgets all frames. */
  clear() {
    this.#kept.length = 0;
  }
}

/** One stream's passage through a head. */
export class HeadState {
  #head;
  #means;

  /** @param {import("./model_file.js").Head} head */
  constructor(head) {
    this.#head = head;
    this.#means = new RunningMeans(head.windows);
  }

  /**
   * Takes one more frame's features; returns its logits.
   * @param {Float32Array} features
   */
  step(features) {
    const { weights, bias, roots } = this.#head, means = this.#means.add(rooted(features, roots));
    return bias.map((value, label) => {
      let sum = value;
      for (let at = 0; at < means.length; at++) sum += weights[label * means.length + at] * means[at];
      return sum;
    });
  }

  /** Forgets all frames. */
  clear() {
    this.#means.clear();
  }
}

/**
 * Returns features with the square root taken so many times.
 * @param {Float32Array} features
 * @param {number} roots
 */
export function rooted(features, roots) {
  let found = roots ? features.map((value) => Math.max(value, 0)) : features;
  for (let number = 0; number < roots; number++) found = found.map(Math.sqrt);
  return found;
}
