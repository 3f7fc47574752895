// A network that LiteRT.js runs, and what it carries from step to step.

import { loadAndCompile, Tensor } from "../vendor/litert.js";
import { ModelFileError } from "./model_file.js";

/**
 * @typedef {import("../vendor/litert.js").CompiledModel} CompiledModel
 * @typedef {import("../vendor/litert.js").TensorDetails} TensorDetails
 */

const ARRAYS = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };
const MOST_VALUES = 40_000_000;
const REAL = Float32Array.from({ length: 256 }, (_, value) => value * Math.fround(1 / 255));

/**
 * @typedef {{logits: Float32Array | null, features: Float32Array | null}} Result
 */

/** Runs one stream: tensors of LiteRT.js are in WebAssembly's memory, and freed by hand. */
export class Network {
  #model;
  #image;
  #hasAlpha;
  /** @type {TensorDetails[]} */
  #states;
  /** @type {Map<string, Tensor>} */
  #held = new Map();
  /** Milliseconds that LiteRT.js took for the last step. */
  took = 0;

  /** @param {CompiledModel} model */
  constructor(model) {
    const inputs = model.getInputDetails(), outputs = model.getOutputDetails();
    const names = new Set(outputs.map(({ name }) => name));
    this.#model = model;
    this.#image = sound(inputs.find(({ name }) => name === "image"));
    this.#hasAlpha = inputs.some(({ name }) => name === "alpha");
    this.#states = inputs.filter(({ name }) => name !== "image" && name !== "alpha");
    const logits = outputs.find(({ name }) => name === "logits");
    const features = outputs.find(({ name }) => name === "features");
    for (const result of [logits, features]) {
      if (result && result.dtype !== "float32") throw noStream();
    }
    if (!logits && !features) throw noStream();
    if (this.#image.shape.length < 4 || this.#image.shape.at(-1) !== 3) throw noStream();
    if (!this.#states.length || this.#states.some(({ name }) => !names.has(name))) throw noStream();
    if (inputs.reduce((sum, { shape }) => sum + count(shape), 0) > MOST_VALUES) throw noStream();
    /** How many logits there are; 0 where the network ends at its features. */
    this.classes = logits ? count(logits.shape) : 0;
    /** How many features a frame has; 0 where the network does not give them. */
    this.features = features ? count(features.shape) : 0;
    this.reset();
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} data a model file
   * @returns {Promise<Network>}
   */
  static async load(data) {
    /** @type {CompiledModel} */
    let model;
    try {
      model = await loadAndCompile(data, { accelerator: "wasm" });
    } catch (error) {
      if (/INT8/i.test(String(error))) throw forAnotherRuntime();
      throw new ModelFileError(
        "The model file is damaged, or made for another runtime: fetch it again, or prepare it " +
        `with --target web. (${String(error).slice(0, 200)})`,
      );
    }
    try {
      return new Network(model);
    } catch (error) {
      model.delete();
      if (/INT8/i.test(String(error))) throw forAnotherRuntime();
      throw error;
    }
  }

  get height() {
    return this.#image.shape[this.#image.shape.length - 3];
  }

  get width() {
    return this.#image.shape[this.#image.shape.length - 2];
  }

  /** Whether it forgets: `alpha` is the newest frame's share in every running mean. */
  get forgets() {
    return this.#hasAlpha;
  }

  /**
   * Takes one more picture.
   * @param {Uint8Array<ArrayBuffer>} pixels RGB, `[height, width, 3]`
   * @param {number} alpha
   * @returns {Promise<Result>}
   */
  async step(pixels, alpha) {
    const given = new Map(this.#held);
    const own = [new Tensor(asInput(pixels, this.#image.dtype), [...this.#image.shape])];
    given.set("image", own[0]);
    if (this.#hasAlpha) {
      own.push(new Tensor(new Float32Array([alpha]), [1]));
      given.set("alpha", own[1]);
    }
    /** @type {Record<string, Tensor>} */
    let out;
    const began = performance.now();
    try {
      out = await this.#model.run(Object.fromEntries(given));
    } finally {
      this.took = performance.now() - began;
      own.forEach((tensor) => tensor.delete());
    }
    for (const [name, tensor] of this.#held) {
      this.#held.set(name, out[name]);
      tensor.delete();
    }
    return { logits: taken(out.logits), features: taken(out.features) };
  }

  /** Forgets everything; after a cut just the frames, since a running mean is weighed by alpha. */
  reset({ framesOnly = false } = {}) {
    for (const { name, dtype, shape } of this.#states) {
      if (framesOnly && name.endsWith("pool_buffer")) continue;
      this.#held.get(name)?.delete();
      const values = new ARRAYS[/** @type {keyof typeof ARRAYS} */ (dtype)](count(shape));
      this.#held.set(name, new Tensor(values, [...shape]));
    }
  }
}

/** @param {TensorDetails | undefined} details */
function sound(details) {
  if (!details) throw noStream();
  if (!(details.dtype in ARRAYS)) throw forAnotherRuntime();
  return details;
}

/**
 * Returns a result, and frees its tensor.
 * @param {Tensor | undefined} tensor
 */
function taken(tensor) {
  if (!tensor) return null;
  const values = /** @type {Float32Array} */ (tensor.toTypedArray());
  tensor.delete();
  if (!values.every(Number.isFinite)) {
    throw new ModelFileError("The model computes no numbers: its file is damaged; use another.");
  }
  return values;
}

/**
 * @param {Uint8Array<ArrayBuffer>} pixels
 * @param {string} dtype
 */
function asInput(pixels, dtype) {
  if (dtype === "uint8") return pixels;
  const values = new Float32Array(pixels.length);
  for (let at = 0; at < values.length; at++) values[at] = REAL[pixels[at]];
  return values;
}

/** @param {ArrayLike<number>} shape */
const count = (shape) => Array.from(shape).reduce((product, size) => product * size, 1);

const noStream = () => new ModelFileError(
  "This is no MoViNet stream: it must take an image and carry states from frame to frame.",
);
const forAnotherRuntime = () => new ModelFileError(
  "This file was prepared for a computer or a board. Prepare it for browsers: " +
  "python -m edgevid.prepare FILE -o OUTPUT --target web",
);
