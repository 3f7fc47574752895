// Writes a taught model's file: edgevid/teach/model_file.py and edgevid/modelfile/manifest.py.

import { networkOf } from "./model_file.js";

/** @typedef {import("./model_file.js").Head} Head */

/**
 * Returns the content of a taught model's `.tflite` file, which runs in a browser and on a board.
 * @param {Uint8Array<ArrayBuffer>} network a model file whose network ends at its features
 * @param {any} raw the manifest of the model that it is the network of
 * @param {object} taught
 * @param {Head} taught.head
 * @param {string} taught.name
 * @param {string[]} taught.labels
 * @param {import("../watch/events.js").EventRules} taught.rules
 * @param {object} [taught.provenance]
 */
export function packed(network, raw, { head, name, labels, rules, provenance = {} }) {
  const manifest = {
    ...raw,
    format: 1,
    name,
    memory_s: 0,
    follow_scene: false,
    events: rules,
    metrics: {},
    provenance: { ...raw.provenance, ...provenance },
    head: {
      kind: "linear", file: "head.f32",
      features: head.features, roots: head.roots, windows: head.windows,
    },
  };
  const encoder = new TextEncoder();
  return appended(networkOf(network), [
    ["manifest.json", encoder.encode(`${JSON.stringify(manifest, null, 2)}\n`)],
    ["labels.txt", encoder.encode(`${labels.join("\n")}\n`)],
    ["head.f32", littleEndian([...head.weights, ...head.bias])],
  ]);
}

/** @param {number[]} values */
function littleEndian(values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, at) => view.setFloat32(4 * at, value, true));
  return new Uint8Array(view.buffer);
}

/**
 * Appends a zip archive whose members are stored as they are.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {[string, Uint8Array][]} members
 */
function appended(data, members) {
  const parts = [data], table = [];
  let at = data.length, tableBytes = 0;
  for (const [name, content] of members) {
    const bytes = new TextEncoder().encode(name), crc = crc32(content);
    const local = fields([
      [4, 0x04034b50], [2, 20], [2, 0], [2, 0], [2, 0], [2, 33], [4, crc], [4, content.length],
      [4, content.length], [2, bytes.length], [2, 0],
    ]);
    table.push(fields([
      [4, 0x02014b50], [2, 0x0314], [2, 20], [2, 0], [2, 0], [2, 0], [2, 33], [4, crc],
      [4, content.length], [4, content.length], [2, bytes.length], [2, 0], [2, 0], [2, 0], [2, 0],
      [4, (0o100644 << 16) >>> 0], [4, at],
    ]), bytes);
    parts.push(local, bytes, /** @type {Uint8Array<ArrayBuffer>} */ (content));
    at += local.length + bytes.length + content.length;
  }
  tableBytes = table.reduce((sum, { length }) => sum + length, 0);
  const end = fields([
    [4, 0x06054b50], [2, 0], [2, 0], [2, members.length], [2, members.length], [4, tableBytes],
    [4, at], [2, 0],
  ]);
  const out = new Uint8Array(at + tableBytes + end.length);
  let to = 0;
  for (const part of [...parts, ...table, end]) {
    out.set(part, to);
    to += part.length;
  }
  return out;
}

/** @param {[number, number][]} sized bytes and value of each */
function fields(sized) {
  const view = new DataView(new ArrayBuffer(sized.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of sized) {
    if (bytes === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/** @param {Uint8Array} data */
function crc32(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
