// LiteRT's own classes in WebAssembly, as LiteRT.js gives them to its own Tensor and CompiledModel.
//
// Those two refuse int8 and look at every tensor anew at each step, which takes as long as some layers.

import { getGlobalLiteRt } from "../vendor/litert.js";

/**
 * @typedef {ReturnType<typeof getGlobalLiteRt>["liteRtWasm"]} Wasm
 * @typedef {InstanceType<Wasm["LiteRtTensorBuffer"]>} Buffer in WebAssembly's memory; freed with `delete()`
 */

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array };
/** The kinds of value that a tensor of a signature may have here. */
export const isKnown = (/** @type {string} */ dtype) => dtype in ARRAYS;

const SIGNATURE = 0; // the first, which is the only one of a stream

/** A network that can be run. */
export class Compiled {
  #model;
  #compiled;
  /** Names of the arguments and of the results, in the order in which `run` has them. */
  inputs;
  outputs;

  /**
   * @param {ReturnType<Wasm["loadModel"]>} model
   * @param {Awaited<ReturnType<Wasm["compileModel"]>>} compiled
   */
  constructor(model, compiled) {
    const signature = model.getSignature(SIGNATURE);
    this.#model = model;
    this.#compiled = compiled;
    this.inputs = strings(signature.inputNames());
    this.outputs = strings(signature.outputNames());
    signature.delete();
  }

  /** @param {Uint8Array<ArrayBuffer>} data a `.tflite` file */
  static async load(data) {
    const wasm = getGlobalLiteRt().liteRtWasm, place = environment();
    const at = wasm._malloc(data.length); // LiteRT reads weights there from now on
    wasm.HEAPU8.set(data, at);
    const model = wasm.loadModel(place, at, data.length);
    const options = {
      accelerator: /** @type {const} */ ("wasm"),
      cpuOptions: { numThreads: wasm.getThreadCount() },
      gpuOptions: {},
      webNNOptions: {},
    };
    const compiled = await wasm.compileModel(place, model, options);
    return new Compiled(model, compiled);
  }

  /**
   * Returns memory for an argument.
   * @param {number} number which of `inputs`
   * @returns {Buffer}
   */
  buffer(number) {
    const wasm = getGlobalLiteRt().liteRtWasm;
    const type = this.#model.getInputTensorType(SIGNATURE, number);
    const made = wasm.LiteRtTensorBuffer.createManaged(
      environment(), wasm.LiteRtTensorBufferType.HOST_MEMORY, type, type.bytes(),
    );
    type.delete();
    return made;
  }

  /**
   * @param {Buffer[]} given as `inputs`, which stay as they are
   * @returns {Promise<Buffer[]>} as `outputs`, new ones
   */
  async run(given) {
    return this.#compiled.run(SIGNATURE, given);
  }
}

/**
 * Lets a function at a tensor's values, which are gone from where they were afterwards.
 * @template T
 * @param {Buffer} buffer
 * @param {string} dtype
 * @param {(values: Float32Array | Int32Array | Uint8Array | Int8Array) => T} use
 * @returns {T}
 */
export function within(buffer, dtype, use) {
  const wasm = getGlobalLiteRt().liteRtWasm, bytes = buffer.packedSize();
  const at = buffer.lock(wasm.LiteRtTensorBufferLockMode.READ_WRITE);
  try {
    const kind = ARRAYS[/** @type {keyof typeof ARRAYS} */ (dtype)];
    return use(new kind(/** @type {ArrayBuffer} */ (wasm.HEAPU8.buffer), at, bytes / kind.BYTES_PER_ELEMENT));
  } finally {
    buffer.unlock();
  }
}

const environment = () => getGlobalLiteRt().getDefaultEnvironment().liteRtEnvironment;

/** @param {{size(): number, get(at: number): string, delete(): void}} vector */
function strings(vector) {
  const all = Array.from({ length: vector.size() }, (_, at) => vector.get(at));
  vector.delete();
  return all;
}
