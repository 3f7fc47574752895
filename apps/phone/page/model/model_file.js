// What a model file holds: edgevid/modelfile/, as far as a browser needs it.
//
// A flatbuffer, which LiteRT reads, and behind it a zip archive with manifest.json and labels.txt.

/**
 * @typedef {import("../watch/events.js").EventRules} EventRules
 * @typedef {object} Manifest what a model expects and means
 * @property {string} name
 * @property {string[]} labels one for each logit; empty when the file has none
 * @property {number} fps
 * @property {import("./preprocess.js").Fit} fit
 * @property {number} memory_s seconds of the past that weigh in a prediction; Infinity never forgets
 * @property {boolean} follow_scene
 * @property {EventRules} events
 * @property {Head | null} head what makes probabilities of the features, in a model that was taught
 * @property {any} raw the manifest as the file has it
 *
 * @typedef {object} Head edgevid/modelfile/head.py
 * @property {number[]} windows over how many of the last frames each mean goes
 * @property {number} features
 * @property {number} roots how many times the square root of each feature is taken first
 * @property {Float32Array} weights `[labels, windows * features]`
 * @property {Float32Array} bias `[labels]`
 */

const FORMAT = 1;
const MOST_MEMBERS = 100, MOST_MEMBER_BYTES = 4 << 20;
const END_MARK = 0x06054b50, MEMBER_MARK = 0x02014b50, END_BYTES = 22;
const FITS = ["crop", "stretch", "letterbox"];

/** A file that cannot be used. The message is a sentence for a person. */
export class ModelFileError extends Error {}

/**
 * Reads a model file.
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {string} name of a file that has no manifest
 * @returns {Promise<Manifest>}
 */
export async function readManifest(data, name) {
  if (data.length < 8 || text(data.subarray(4, 8)) !== "TFL3") {
    throw new ModelFileError("This is no .tflite model: choose a file that edgevid has prepared.");
  }
  const members = archive(data);
  const json = members.get("manifest.json"), lines = members.get("labels.txt");
  if (!json) {
    if (mentions(data, "manifest.json")) throw cutOff();
    return withDefaults(name);
  }
  if (!lines) throw cutOff();
  const manifest = parse(text(await unpacked(data, json)), text(await unpacked(data, lines)));
  if (manifest.raw.head) {
    const packed = members.get("head.f32");
    if (!packed) throw cutOff();
    manifest.head = unpackedHead(
      manifest.raw.head, await unpacked(data, packed), manifest.labels.length,
    );
  }
  return manifest;
}

/** Where the network ends and the archive behind it begins. @param {Uint8Array<ArrayBuffer>} data */
export function networkOf(data) {
  const starts = [...archive(data).values()].map(({ header }) => header);
  return data.subarray(0, Math.min(data.length, ...starts));
}

/**
 * @param {any} described
 * @param {Uint8Array<ArrayBuffer>} packed
 * @param {number} labels
 * @returns {Head}
 */
function unpackedHead(described, packed, labels) {
  const { kind, windows, features, roots = 0 } = described;
  if (kind !== "linear") {
    throw new ModelFileError("The model's head is of a kind that this page does not know: reload it.");
  }
  const inputs = features * windows?.length;
  if (!(inputs > 0) || packed.length !== 4 * labels * (inputs + 1)) throw cutOff();
  const view = new DataView(packed.buffer, packed.byteOffset);
  const numbers = Float32Array.from(
    { length: labels * (inputs + 1) }, (_, at) => view.getFloat32(4 * at, true),
  );
  return {
    windows, features, roots,
    weights: numbers.slice(0, labels * inputs), bias: numbers.slice(labels * inputs),
  };
}

const cutOff = () => new ModelFileError(
  "The model file is damaged or was cut off on its way here: fetch it again.",
);

/** @param {string} name @returns {Manifest} */
function withDefaults(name) {
  return {
    name, labels: [], fps: 5, fit: "crop", memory_s: Infinity, follow_scene: true,
    events: { on_threshold: 0.5, off_threshold: 0.25, smoothing: 0.6, min_duration: 0, cool_down: 1 },
    head: null, raw: {},
  };
}

/**
 * @param {string} json
 * @param {string} labels
 * @returns {Manifest}
 */
function parse(json, labels) {
  /** @type {any} */
  let values;
  try {
    values = JSON.parse(json);
  } catch {
    throw cutOff();
  }
  if (values?.format !== FORMAT) {
    throw new ModelFileError(
      `The model's manifest is of format ${values?.format}, and this page reads ${FORMAT}: ` +
      "load the newest version of this page, or prepare the model again.",
    );
  }
  const { events } = values;
  const isSound = isNumber(values.fps) && values.fps > 0 && typeof values.name === "string"
    && FITS.includes(values.fit) && (values.memory_s === null || isNumber(values.memory_s))
    && areRules(events) && Object.values(events.by_label ?? {}).every(areRules);
  if (!isSound) {
    throw new ModelFileError("The model's manifest holds a value that is wrong: prepare it again.");
  }
  return {
    name: values.name,
    labels: parseLabels(labels),
    fps: values.fps,
    fit: values.fit,
    memory_s: values.memory_s ?? Infinity,
    follow_scene: values.follow_scene ?? true,
    events,
    head: null,
    raw: values,
  };
}

/** @param {unknown} value */
const isNumber = (value) => typeof value === "number" && value >= 0;

/** @param {any} rules */
const areRules = (rules) => Boolean(rules)
  && [rules.on_threshold, rules.off_threshold, rules.smoothing, rules.min_duration, rules.cool_down]
    .every(isNumber)
  && rules.off_threshold <= rules.on_threshold && rules.on_threshold <= 1;

/** @param {string} lines one label a line */
export function parseLabels(lines) {
  return lines.replace(/^\ufeff/, "").split("\n").map((line) => line.trim()).filter(Boolean);
}

/**
 * @typedef {{header: number, method: number, start: number, packed: number, size: number}} Member
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {Map<string, Member>} by name; empty when there is no archive
 */
function archive(data) {
  /** @type {Map<string, Member>} */
  const members = new Map();
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const end = data.length - END_BYTES;
  if (end < 0 || view.getUint32(end, true) !== END_MARK) return members;
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count > MOST_MEMBERS) throw cutOff();
  try {
    for (let number = 0; number < count; number++) {
      if (view.getUint32(at, true) !== MEMBER_MARK) throw cutOff();
      const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
      const header = view.getUint32(at + 42, true);
      const skipped = view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      members.set(text(data.subarray(at + 46, at + 46 + name)), {
        header,
        method: view.getUint16(at + 10, true),
        start: header + 30 + skipped,
        packed: view.getUint32(at + 20, true),
        size: view.getUint32(at + 24, true),
      });
      at += 46 + name + extra + comment;
    }
  } catch {
    throw cutOff();
  }
  return members;
}

/**
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {Member} member
 */
async function unpacked(data, { method, start, packed, size }) {
  if (Math.max(packed, size) > MOST_MEMBER_BYTES || start + packed > data.length) throw cutOff();
  const content = data.slice(start, start + packed);
  if (method === 0) return content;
  if (method !== 8) throw cutOff();
  try {
    const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw cutOff();
  }
}

/** @param {Uint8Array<ArrayBuffer>} data @param {string} word */
function mentions(data, word) {
  const wanted = new TextEncoder().encode(word);
  for (let at = data.indexOf(wanted[0]); at >= 0; at = data.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, place) => data[at + place] === byte)) return true;
  }
  return false;
}

/** @param {Uint8Array<ArrayBuffer>} data */
const text = (data) => new TextDecoder().decode(data);
