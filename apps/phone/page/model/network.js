// A network that LiteRT runs, and what it carries from step to step.

import { Compiled, isKnown, within } from "./litert.js";
import { ModelFileError } from "./model_file.js";
import { signatureOf } from "./signature.js";

/**
 * @typedef {import("./litert.js").Buffer} Buffer
 * @typedef {import("./signature.js").Described} Described
 *
 * @typedef {object} State what one step hands to the next
 * @property {Described} input
 * @property {number} place among the arguments
 * @property {number} result the place among the results
 */

const MOST_VALUES = 40_000_000;
const REAL = Float32Array.from({ length: 256 }, (_, value) => value * Math.fround(1 / 255));

/**
 * @typedef {{logits: Float32Array | null, features: Float32Array | null}} Result
 */

/** Runs one stream. Its tensors are in WebAssembly's memory, and freed by hand. */
export class Network {
  #compiled;
  #image;
  #hasAlpha;
  /** @type {State[]} */
  #states;
  /** The arguments of the next step. @type {Buffer[]} */
  #given;
  /** Milliseconds that LiteRT took for the last step. */
  took = 0;

  /**
   * @param {Compiled} compiled
   * @param {ReturnType<typeof signatureOf>} signature
   */
  constructor(compiled, signature) {
    const inputs = inOrder(signature.inputs, compiled.inputs);
    const outputs = inOrder(signature.outputs, compiled.outputs);
    if ([...inputs, ...outputs].some(({ shape }) => shape.some((size) => size < 1))) throw noStream();
    if (sizeOf([...inputs, ...outputs]) > MOST_VALUES) throw noStream();
    this.#compiled = compiled;
    this.#image = sound(inputs.find(({ name }) => name === "image"));
    this.#hasAlpha = inputs.some(({ name }) => name === "alpha");
    this.#states = statesOf(inputs, outputs);
    const logits = outputs.find(({ name }) => name === "logits");
    const features = outputs.find(({ name }) => name === "features");
    for (const result of [logits, features]) {
      if (result && result.dtype !== "float32") throw noStream();
    }
    if (!logits && !features) throw noStream();
    /** How many logits there are; 0 where the network ends at its features. */
    this.classes = logits ? count(logits.shape) : 0;
    /** How many features a frame has; 0 where the network does not give them. */
    this.features = features ? count(features.shape) : 0;
    this.#given = inputs.map((_, place) => compiled.buffer(place));
    this.reset();
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} data a model file
   * @returns {Promise<Network>}
   */
  static async load(data) {
    /** @type {Compiled} */
    let compiled;
    try {
      compiled = await Compiled.load(data);
    } catch (error) {
      throw new ModelFileError(
        "The model file is damaged, or made for another runtime: fetch it again, or prepare it " +
        `with --target web. (${String(error).slice(0, 200)})`,
      );
    }
    return new Network(compiled, signatureOf(data));
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
    const { inputs, outputs } = this.#compiled, { dtype } = this.#image;
    within(this.#given[inputs.indexOf("image")], dtype, (values) => fill(values, pixels, dtype));
    if (this.#hasAlpha) {
      within(this.#given[inputs.indexOf("alpha")], "float32", (values) => values.fill(alpha));
    }
    const began = performance.now();
    const results = await this.#compiled.run(this.#given);
    this.took = performance.now() - began;
    try {
      return {
        logits: taken(results[outputs.indexOf("logits")]),
        features: taken(results[outputs.indexOf("features")]),
      };
    } finally {
      this.#carry(results);
    }
  }

  /** Makes the states of one step those of the next, and frees all else. @param {Buffer[]} results */
  #carry(results) {
    const over = new Set(results);
    for (const { place, result } of this.#states) {
      this.#given[place].delete();
      this.#given[place] = results[result];
      over.delete(results[result]);
    }
    over.forEach((buffer) => buffer.delete());
  }

  /** Forgets everything; after a cut just the frames, since a running mean is weighed by alpha. */
  reset({ framesOnly = false } = {}) {
    for (const { input, place } of this.#states) {
      if (framesOnly && input.name.endsWith("pool_buffer")) continue;
      within(this.#given[place], input.dtype, (values) => values.fill(input.zero));
    }
  }
}

/**
 * @param {Described[]} tensors
 * @param {string[]} names
 */
function inOrder(tensors, names) {
  return names.map((wanted) => {
    const found = tensors.find(({ name }) => name === wanted);
    if (!found) throw noStream();
    return found;
  });
}

/** @param {Described | undefined} image */
function sound(image) {
  if (!image || image.shape.length < 4 || image.shape.at(-1) !== 3) throw noStream();
  if (image.dtype === "float32") return image;
  // An integer image holds the pixels themselves.
  const zero = { uint8: 0, int8: -128 }[image.dtype];
  if (image.zero !== zero || Math.abs(image.scale * 255 - 1) > 0.01) throw forAnotherRuntime();
  return image;
}

/**
 * @param {Described[]} inputs
 * @param {Described[]} outputs
 * @returns {State[]}
 */
function statesOf(inputs, outputs) {
  const states = inputs.flatMap((input, place) => {
    if (input.name === "image" || input.name === "alpha") return [];
    const result = outputs.findIndex(({ name }) => name === input.name), output = outputs[result];
    if (!output || String(output.shape) !== String(input.shape)) throw noStream();
    if (output.dtype !== input.dtype || !isKnown(input.dtype)) throw forAnotherRuntime();
    if (output.scale !== input.scale || output.zero !== input.zero) throw forAnotherRuntime();
    // LiteRT gives a tensor one memory, so that what goes in would be lost where it also comes out.
    if (output.index !== input.index && inputs.some(({ index }) => index === output.index)) {
      throw forAnotherRuntime();
    }
    return { input, place, result };
  });
  if (!states.length) throw noStream();
  return states;
}

/**
 * Returns a result's values.
 * @param {Buffer | undefined} buffer
 */
function taken(buffer) {
  if (!buffer) return null;
  const values = within(buffer, "float32", (held) => /** @type {Float32Array} */ (held.slice()));
  if (!values.every(Number.isFinite)) {
    throw new ModelFileError("The model computes no numbers: its file is damaged; use another.");
  }
  return values;
}

/**
 * Writes a picture into the network's input.
 * @param {Float32Array | Int32Array | Uint8Array | Int8Array} values
 * @param {Uint8Array<ArrayBuffer>} pixels
 * @param {string} dtype
 */
function fill(values, pixels, dtype) {
  if (dtype === "uint8") values.set(pixels);
  else if (dtype === "int8") for (let at = 0; at < values.length; at++) values[at] = pixels[at] - 128;
  else for (let at = 0; at < values.length; at++) values[at] = REAL[pixels[at]];
}

/** @param {number[]} shape */
const count = (shape) => shape.reduce((product, size) => product * size, 1);

/** @param {Described[]} tensors */
const sizeOf = (tensors) => tensors.reduce((sum, { shape }) => sum + count(shape), 0);

const noStream = () => new ModelFileError(
  "This is no MoViNet stream: it must take an image and carry states from frame to frame.",
);
const forAnotherRuntime = () => new ModelFileError(
  "This file was made for another runtime. Prepare it for browsers: " +
  "python -m edgevid.prepare FILE -o OUTPUT --target web",
);
