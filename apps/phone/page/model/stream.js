// One camera's or one clip's passage through a model: edgevid/runtime/model.py.

import { Network } from "./network.js";
import { fitted, seen } from "./preprocess.js";
import { Gate } from "./gate.js";
import { HeadState } from "./head.js";
import { CUT, SceneWatch } from "./scenes.js";
import { topK } from "./topk.js";
import { ModelFileError } from "./model_file.js";

const TOP = 5; // labels that a prediction gives

/** @typedef {import("./model_file.js").Manifest} Manifest */

/** Takes pictures one by one. */
export class Stream {
  #network;
  #manifest;
  #scenes;
  #memoryFrames;
  #counted = 0;
  #gate;
  /** @type {import("../watch/events.js").Score[] | null} what the network said last */
  #latest = null;
  #head;
  /** What the network knew of the last frame before its classifier. @type {Float32Array | null} */
  features = null;
  #canvas = new OffscreenCanvas(1, 1);
  #context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    this.#canvas.getContext("2d", { willReadFrequently: true, alpha: false })
  );

  /**
   * @param {Network} network
   * @param {Manifest} manifest
   */
  constructor(network, manifest) {
    const { head } = manifest;
    if (head && head.features !== network.features) {
      throw new ModelFileError("What this model was taught does not fit its network: teach it again.");
    }
    const classes = head ? head.bias.length : network.classes;
    if (manifest.labels.length !== classes) {
      throw new ModelFileError(manifest.labels.length
        ? `The model has ${classes} classes, its labels name ${manifest.labels.length}.`
        : "The model file names no labels: prepare it with --labels.");
    }
    this.#head = head ? new HeadState(head) : null;
    const memory = network.forgets ? manifest.memory_s : Infinity;
    this.#network = network;
    this.#manifest = manifest;
    this.#memoryFrames = Math.max(1, memory * manifest.fps);
    this.#gate = new Gate(this.#memoryFrames);
    this.#scenes = manifest.follow_scene && memory < Infinity ? new SceneWatch(manifest.fps) : null;
  }

  /**
   * Takes one more picture and says what is happening.
   * @param {ImageBitmap | VideoFrame} picture closed by the caller
   * @param {boolean} gated whether the last answer will do where nothing has changed
   */
  async step(picture, gated) {
    const began = performance.now();
    const { fit } = this.#manifest, { width, height } = this.#network;
    const view = this.#view(picture);
    if (gated && !this.#gate.passes(view) && this.#latest) {
      return { scores: this.#latest, inference_ms: 0, network_ms: 0, preprocess_ms: 0, rested: true };
    }
    const pixels = fitted(view, width, height, fit);
    const preprocess_ms = performance.now() - began;
    const logits = await this.logits(pixels);
    const scores = topK(logits, this.#manifest.labels, TOP, this.#head !== null);
    this.#latest = scores;
    if (gated) this.#gate.note(scores);
    const inference_ms = performance.now() - began;
    return { scores, inference_ms, network_ms: this.#network.took, preprocess_ms, rested: false };
  }

  /**
   * Takes one more picture as the network sees it.
   * @param {Uint8Array<ArrayBuffer>} pixels RGB, `[height, width, 3]`
   */
  async logits(pixels) {
    const { width, height } = this.#network;
    const counts = this.#scenes?.look(pixels, width, height) ?? Infinity;
    this.#counted = Math.min(this.#counted, counts);
    if (counts === CUT) {
      this.#network.reset({ framesOnly: true });
      this.#head?.clear();
    }
    const alpha = 1 / Math.min(this.#counted + 1, this.#memoryFrames);
    const { logits, features } = await this.#network.step(pixels, alpha);
    this.#counted += 1;
    this.features = features;
    return this.#head && features ? this.#head.step(features) : /** @type {Float32Array} */ (logits);
  }

  /** Forgets everything: what follows is as in a new stream. */
  reset() {
    this.#counted = 0;
    this.#scenes?.reset();
    this.#head?.clear();
    this.features = null;
    this.#gate.reset();
    this.#latest = null;
    this.#network.reset();
  }

  /** Returns what the network sees of a picture, in the picture's own pixels. @param {ImageBitmap | VideoFrame} picture */
  #view(picture) {
    const [width, height] = "displayWidth" in picture
      ? [picture.displayWidth, picture.displayHeight] : [picture.width, picture.height];
    const { fit } = this.#manifest, network = this.#network;
    const part = seen(width, height, network.width / network.height, fit);
    if (this.#canvas.width !== part.width || this.#canvas.height !== part.height) {
      this.#canvas.width = part.width;
      this.#canvas.height = part.height;
    }
    this.#context.drawImage(picture, -part.x, -part.y);
    return this.#context.getImageData(0, 0, part.width, part.height);
  }
}
