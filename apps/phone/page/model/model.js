// The page's side of the worker: a model that is loaded, and what it says of pictures.

import { runtimeFile } from "../support.js";
import { ModelFileError } from "./model_file.js";

/**
 * @typedef {object} Step
 * @property {import("../watch/events.js").Score[]} scores
 * @property {number} inference_ms from the picture's arrival to its scores; 0 where it rested
 * @property {number} preprocess_ms of these, until the picture was as the network sees it
 * @property {number} network_ms of these, in LiteRT.js
 * @property {boolean} rested whether nothing had changed, and the last scores hold
 * @property {Float32Array} [features] where they were asked for
 * @typedef {{manifest: import("./model_file.js").Manifest, load_ms: number, input: number[],
 *   features: number}} Loaded input: height and width; features: 0 where the model gives none
 */

/** A network in a worker of its own, which is ended with it: so is its memory. */
export class Model {
  #worker = new Worker(new URL("../worker.js", import.meta.url));
  /** @type {Map<number, {resolve: (value: any) => void, reject: (why: Error) => void}>} */
  #waiting = new Map();
  #number = 0;
  #isOver = false;
  /** @type {Loaded} */
  #loaded;

  /** @param {Loaded} loaded of a model that `load` makes */
  constructor(loaded) {
    this.#loaded = loaded;
    this.#worker.onmessage = ({ data }) => {
      if (data.id === 0) return this.#fail(data.error);
      const asked = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) asked?.reject(new ModelFileError(data.error));
      else asked?.resolve(data.result);
    };
    this.#worker.onerror = (event) => this.#fail(event.message);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} data a model file; it is handed over and gone here
   * @param {object} about
   * @param {string} about.name
   * @param {string[]} [about.labels] where it has none
   * @param {import("./model_file.js").Manifest | null} [about.silent] run it for its features, in
   *   the way of this manifest
   */
  static async load(data, { name, labels = [], silent = null }) {
    const model = new Model(/** @type {any} */ (null));
    try {
      model.#loaded = await model.#ask(
        "load", { data, name, labels, silent, runtime: runtimeFile() }, [data.buffer],
      );
    } catch (error) {
      model.close();
      throw error;
    }
    return model;
  }

  get manifest() {
    return this.#loaded.manifest;
  }

  get about() {
    return this.#loaded;
  }

  /**
   * @param {ImageBitmap} picture handed over
   * @param {{gated?: boolean, features?: boolean}} [how]
   * @returns {Promise<Step>}
   */
  step(picture, { gated = false, features = false } = {}) {
    return this.#ask("step", { picture, gated, features }, [picture]);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} pixels RGB, of the network's size
   * @returns {Promise<Float32Array>}
   */
  logits(pixels) {
    return this.#ask("logits", { pixels });
  }

  /** @returns {Promise<void>} */
  reset() {
    return this.#ask("reset");
  }

  /** How much memory WebAssembly has taken, in bytes. @returns {Promise<number>} */
  memory() {
    return this.#ask("memory");
  }

  /** Ends it. */
  close() {
    this.#worker.terminate();
    this.#fail("The model was closed.");
  }

  /**
   * @param {string} ask
   * @param {object} [parts]
   * @param {Transferable[]} [handedOver]
   * @returns {Promise<any>}
   */
  #ask(ask, parts = {}, handedOver = []) {
    const id = ++this.#number;
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(stopped("It was closed before."));
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ask, ...parts }, handedOver);
    });
  }

  /** @param {string} why */
  #fail(why) {
    this.#isOver = true;
    for (const { reject } of this.#waiting.values()) reject(stopped(why));
    this.#waiting.clear();
  }
}

/** @param {string} why */
const stopped = (why) => new ModelFileError(
  `The model stopped: ${why} Reload the page, or choose another model.`,
);
