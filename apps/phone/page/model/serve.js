// What the worker answers: `{id, ask, ...}` in, `{id, result}` or `{id, error}` out.

import { loadLiteRt } from "../vendor/litert.js";
import { ModelFileError, readManifest } from "./model_file.js";
import { Network } from "./network.js";
import { Stream } from "./stream.js";

/** @type {Network | null} */
let network = null;
/** @type {Stream | null} */
let stream = null;

const asked = {
  /**
   * @param {{data: Uint8Array<ArrayBuffer>, name: string, labels: string[], runtime: string}} message
   *   `labels` for a file of 600 classes that has none; `runtime`: which of LiteRT's files
   */
  async load({ data, name, labels, runtime }) {
    const began = performance.now();
    const folder = new URL("../vendor/wasm/", import.meta.url);
    Object.assign(self, { Module: { locateFile: (/** @type {string} */ file) => `${folder}${file}` } });
    await loadLiteRt(`${folder}${runtime}.js`);
    const manifest = await readManifest(data, name);
    network = await Network.load(data);
    if (!manifest.labels.length && labels.length === network.classes) manifest.labels = labels;
    stream = new Stream(network, manifest);
    return { manifest, load_ms: performance.now() - began, input: [network.height, network.width],
      features: network.features };
  },

  /** @param {{picture: ImageBitmap, gated: boolean, features: boolean}} message */
  async step({ picture, gated, features }) {
    try {
      const step = await loaded().step(picture, gated);
      return features ? { ...step, features: loaded().features } : step;
    } finally {
      picture.close();
    }
  },

  /** @param {{pixels: Uint8Array<ArrayBuffer>, features: boolean}} message */
  async logits({ pixels, features }) {
    const logits = await loaded().logits(pixels);
    return features ? loaded().features : logits;
  },

  async reset() {
    loaded().reset();
  },
};

function loaded() {
  if (!stream) throw new ModelFileError("No model is loaded: choose one.");
  return stream;
}

/** @type {Promise<unknown>} */
let before = Promise.resolve(); // one at a time, in order

/** @param {any} message */
export function answer(message) {
  before = before.then(async () => {
    try {
      const ask = asked[/** @type {keyof typeof asked} */ (message.ask)];
      self.postMessage({ id: message.id, result: await ask(message) });
    } catch (error) {
      const isForPeople = error instanceof ModelFileError;
      const text = isForPeople ? error.message : `The model failed: ${String(error).slice(0, 300)}`;
      self.postMessage({ id: message.id, error: text });
    }
  });
  return before;
}
