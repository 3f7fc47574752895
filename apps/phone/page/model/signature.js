// The tensors by which a network is driven: edgevid/modelfile/signature.py and flatbuffer.py.
//
// Read from the file itself, as LiteRT.js tells neither how a tensor is quantised nor which result
// is an argument.

import { ModelFileError } from "./model_file.js";

/**
 * @typedef {object} Described one tensor
 * @property {string} name in the signature
 * @property {number} index two names with the same one are the same tensor
 * @property {string} dtype
 * @property {number[]} shape
 * @property {number} scale of one step; 0 where it is not quantised
 * @property {number} zero what stands for 0
 */

/** @type {Record<number, string>} schema.fbs: TensorType */
const DTYPES = { 0: "float32", 2: "int32", 3: "uint8", 9: "int8" };
// schema.fbs: the place of each field that is read
const MODEL = { subgraphs: 2, signatures: 7 };
const SIGNATURE = { inputs: 0, outputs: 1, subgraph: 4 };
const NAMED = { name: 0, tensor: 1 };
const TENSOR = { shape: 0, type: 1, quantization: 4 };
const QUANTIZATION = { scale: 2, zero: 3 };

/**
 * @param {Uint8Array<ArrayBuffer>} data a `.tflite` file
 * @returns {{inputs: Described[], outputs: Described[]}} of its first signature; none without one
 */
export function signatureOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  try {
    const model = follow(view, 0);
    const [signature] = tables(view, model, MODEL.signatures);
    if (signature === undefined) return { inputs: [], outputs: [] };
    const subgraph = tables(view, model, MODEL.subgraphs)[integer(view, signature, SIGNATURE.subgraph)];
    const tensors = tables(view, subgraph, 0);
    const described = (/** @type {number} */ field) =>
      tables(view, signature, field).map((named) => describe(view, named, tensors));
    return { inputs: described(SIGNATURE.inputs), outputs: described(SIGNATURE.outputs) };
  } catch {
    throw new ModelFileError("The model file is damaged: fetch it again.");
  }
}

/**
 * @param {DataView} view
 * @param {number} named a name and a tensor's index
 * @param {number[]} tensors
 * @returns {Described}
 */
function describe(view, named, tensors) {
  const index = integer(view, named, NAMED.tensor), tensor = tensors[index];
  const type = field(view, tensor, TENSOR.type), held = field(view, tensor, TENSOR.quantization);
  const scales = held ? vector(view, follow(view, held), QUANTIZATION.scale) : { at: 0, count: 0 };
  const zeros = held ? vector(view, follow(view, held), QUANTIZATION.zero) : { at: 0, count: 0 };
  const name = vector(view, named, NAMED.name), shape = vector(view, tensor, TENSOR.shape);
  return {
    name: new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + name.at, name.count)),
    index,
    dtype: DTYPES[type ? view.getInt8(type) : 0] ?? "other",
    shape: each(shape, (at) => view.getInt32(at, true), 4),
    scale: scales.count ? view.getFloat32(scales.at, true) : 0,
    zero: zeros.count ? Number(view.getBigInt64(zeros.at, true)) : 0,
  };
}

/** Where a reference leads. @param {DataView} view @param {number} at */
const follow = (view, at) => at + view.getUint32(at, true);

/** Where a table holds a field; 0 where it leaves it out. @param {DataView} view @param {number} table @param {number} place */
function field(view, table, place) {
  const layout = table - view.getInt32(table, true), at = 4 + 2 * place;
  const offset = at < view.getUint16(layout, true) ? view.getUint16(layout + at, true) : 0;
  return offset && table + offset;
}

/** @param {DataView} view @param {number} table @param {number} place */
function integer(view, table, place) {
  const at = field(view, table, place);
  return at ? view.getUint32(at, true) : 0;
}

/** @param {DataView} view @param {number} table @param {number} place */
function vector(view, table, place) {
  const at = field(view, table, place);
  if (!at) return { at: 0, count: 0 };
  const start = follow(view, at), count = view.getUint32(start, true);
  if (count > view.byteLength - start) throw new RangeError("a vector beyond the file's end");
  return { at: start + 4, count };
}

/** @param {DataView} view @param {number} table @param {number} place */
const tables = (view, table, place) => each(vector(view, table, place), (at) => follow(view, at), 4);

/**
 * @param {{at: number, count: number}} vector
 * @param {(at: number) => number} read
 * @param {number} size of one, in bytes
 */
const each = ({ at, count }, read, size) => Array.from({ length: count }, (_, n) => read(at + n * size));
