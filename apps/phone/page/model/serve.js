// What the worker answers: `{id, ask, ...}` in, `{id, result}` or `{id, error}` out.

import { getGlobalLiteRt, loadLiteRt } from "../vendor/litert.js";
import { ModelFileError, readManifest } from "./model_file.js";
import { Network } from "./network.js";
import { Stream } from "./stream.js";

/** @typedef {import("./model_file.js").Manifest} Manifest */

/** @type {Network | null} */
let network = null;
/** @type {Stream | null} */
let stream = null;

const asked = {
  /**
   * @param {{data: Uint8Array<ArrayBuffer>, name: string, labels: string[], runtime: string,
   *   silent: Manifest | null}} message `labels` for a file of 600 classes that has none;
   *   `runtime`: which of LiteRT's files; `silent`: of a network that is wanted for its features
   */
  async load({ data, name, labels, runtime, silent }) {
    const began = performance.now();
    const folder = new URL("../vendor/wasm/", import.meta.url);
    Object.assign(self, { Module: { locateFile: (/** @type {string} */ file) => `${folder}${file}` } });
    await loadLiteRt(`${folder}${runtime}.js`);
    let manifest = await readManifest(data, name);
    network = await Network.load(data);
    if (silent) manifest = silenced(silent, network.features);
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

  /** How much memory WebAssembly has taken, in bytes: it never gives any back. */
  async memory() {
    return getGlobalLiteRt().liteRtWasm.HEAPU8.length;
  },

  async reset() {
    loaded().reset();
  },
};

/**
 * Returns the manifest with which a network runs for its features: they depend on nothing that
 * comes after them, nor on a watch for scenes.
 * @param {Manifest} manifest
 * @param {number} features
 * @returns {Manifest}
 */
function silenced(manifest, features) {
  const head = {
    windows: [1], features, roots: 0,
    weights: new Float32Array(features), bias: new Float32Array(1),
  };
  return { ...manifest, labels: ["none"], memory_s: 0, follow_scene: false, head };
}

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
      const text = isForPeople ? error.message
        : `The model failed: choose another, or reload the page. (${String(error).slice(0, 200)})`;
      self.postMessage({ id: message.id, error: text });
    }
  });
  return before;
}
