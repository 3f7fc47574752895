// Films examples with a network's features, and has a head fitted to them.

import { Model } from "../model/model.js";
import { networkOf } from "../model/model_file.js";
import { packed } from "../model/pack.js";
import { KeptExamples } from "./kept.js";
import { Pace } from "../watch/pace.js";

/**
 * @typedef {import("./frames.js").Example} Example
 * @typedef {import("../model/model_file.js").Manifest} Manifest
 * @typedef {import("./choosing.js").TeachingResult} TeachingResult
 */

const LEAST_FRAMES = 3, LONGEST_S = 120;
const TOO_SHORT = "That was too short: hold the button for a second or more.";

/** Examples, and the network that sees them. */
export class Teacher {
  #network;
  #manifest;
  #model;
  #kept;
  #pace;
  /** @type {Example[]} */
  examples;
  /** @type {Example | null} that is being filmed */
  #filmed = null;

  /**
   * @param {Uint8Array<ArrayBuffer>} network up to its features
   * @param {Manifest} manifest of the model that it is the network of
   * @param {Model} model that runs it
   * @param {KeptExamples} kept where its examples are kept
   * @param {Example[]} examples that are there already
   */
  constructor(network, manifest, model, kept, examples) {
    this.#network = network;
    this.#manifest = manifest;
    this.#model = model;
    this.#kept = kept;
    this.examples = examples;
    this.#pace = new Pace(manifest.fps);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} data a file whose network ends at its features
   * @param {Manifest} manifest of the model that it is the network of
   */
  static async load(data, manifest) {
    const network = networkOf(data).slice();
    const model = await Model.load(network.slice(), { name: manifest.name, silent: manifest });
    const kept = await KeptExamples.of(network);
    return new Teacher(network, manifest, model, kept, await kept.all());
  }

  get isFilming() {
    return this.#filmed !== null;
  }

  /** How long it has been filming, in seconds. */
  get seconds() {
    const times = this.#filmed?.times ?? [];
    return times.length ? times[times.length - 1] - times[0] : 0;
  }

  /** Begins an example. @param {string} label empty for background */
  async start(label) {
    await this.#model.reset();
    this.#pace = new Pace(this.#manifest.fps);
    this.#filmed = { label, times: [], features: [] };
  }

  /** Takes the next frame of the camera. @param {import("../watch/watch.js").Frame} frame */
  async take({ timestamp, picture }) {
    const filmed = this.#filmed;
    if (!filmed || this.seconds > LONGEST_S || !this.#pace.due(timestamp)) return;
    const { features } = await this.#model.step(await picture(), { features: true });
    if (!features) return;
    filmed.times.push(timestamp);
    filmed.features.push(features);
  }

  /** Ends the example and keeps it; returns what is wrong with that, empty for nothing. */
  async end() {
    const filmed = this.#filmed;
    this.#filmed = null;
    if (!filmed || filmed.times.length < LEAST_FRAMES) return TOO_SHORT;
    const [first] = filmed.times;
    const example = { ...filmed, times: filmed.times.map((time) => time - first) };
    this.examples.push(example);
    return this.#kept.add(example);
  }

  /** Removes an example for good. @param {Example} example */
  async remove(example) {
    this.examples = this.examples.filter((one) => one !== example);
    await this.#kept.remove(example);
  }

  /** Fits a head, in a worker. @returns {Promise<TeachingResult>} */
  learn() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`The head could not be fitted: ${message}`));
      worker.postMessage({ examples: this.examples, fps: this.#manifest.fps });
    }).finally(() => worker.terminate());
  }

  /**
   * Returns the taught model's file.
   * @param {TeachingResult} lesson
   * @param {string} name
   */
  file({ head, labels, rules, judgements }, name) {
    const count = (/** @type {string} */ label) => this.examples.filter((one) => one.label === label).length;
    const taught = {
      taught_in: "a browser",
      examples: Object.fromEntries(["", ...labels].map((one) => [one || "background", count(one)])),
      held_out: judgements,
    };
    return packed(this.#network, this.#manifest.raw, { head, name, labels, rules, provenance: { taught } });
  }

  /** Lets go of the network. */
  close() {
    this.#model.close();
  }
}
