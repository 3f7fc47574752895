// What a step costs in this browser: the JSON that `python -m benchmarks.latency` writes.

import { stamp } from "./camera/recording.js";
import { Model } from "./model/model.js";
import { parseLabels } from "./model/model_file.js";
import * as store from "./model/store.js";
import { share } from "./share.js";
import { runtimeFile, shortcoming, support, supportInWords } from "./support.js";

const WARM_UP = 20, STEPS = 256, PACED_S = 10, PICTURES = 50, SIZE = [640, 480];
const QUICK = { steps: 24, pacedS: 1 }, FULL = { steps: STEPS, pacedS: PACED_S };
const LITERT_JS = "2.5.3";

/** @template {HTMLElement} T @param {string} id @returns {T} */
const find = (id) => /** @type {any} */ (document.getElementById(id));

/** Pictures in which everything moves, as a busy camera's. */
function drawn() {
  const [width, height] = SIZE;
  const wide = new Uint8ClampedArray((width + 8 * PICTURES) * height * 4);
  for (let at = 0; at < wide.length; at += 1 << 16) {
    crypto.getRandomValues(wide.subarray(at, Math.min(wide.length, at + (1 << 16))));
  }
  for (let at = 3; at < wide.length; at += 4) wide[at] = 255;
  const canvas = new OffscreenCanvas(width + 8 * PICTURES, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.putImageData(new ImageData(wide, canvas.width, height), 0, 0);
  return (/** @type {number} */ number) =>
    createImageBitmap(canvas, 8 * (number % PICTURES), 0, width, height);
}

/**
 * @param {store.Listed} listed
 * @param {typeof FULL} effort
 */
async function measure(listed, effort) {
  const say = (/** @type {string} */ what) => { find("line").textContent = `${listed.name}: ${what} …`; };
  const data = await store.fetched(listed, (part) => say(`loading ${Math.round(100 * part)} %`));
  const labels = parseLabels(await (await fetch("kinetics_600.txt")).text());
  const size = data.length;
  const model = await Model.load(data, { name: listed.name, labels });
  const { load_ms, input, manifest } = model.about;
  const picture = drawn();
  const first = await model.step(await picture(0));
  say("back to back");
  const taken = await stepped(model, picture, effort.steps + WARM_UP, 0);
  say(`at ${manifest.fps} frames a second`);
  const paced = await stepped(model, picture, effort.pacedS * manifest.fps + WARM_UP, manifest.fps);
  model.close();
  const part = (/** @type {(one: Taken) => number} */ of) => percentile(taken.map(of), 50);
  return {
    model: listed.name,
    sha256: listed.sha256 ?? null,
    weights: manifest.raw.provenance?.weights ?? "trained",
    input: [...input, "float32"],
    picture: [SIZE[1], SIZE[0]],
    size,
    ways: {
      "back to back": percentiles(taken),
      [`at ${manifest.fps} fps`]: percentiles(paced),
    },
    parts_p50_ms: {
      capture: part((one) => one.capture),
      preprocess: part((one) => one.preprocess),
      inference: part((one) => one.network),
      rest: part((one) => one.whole - one.preprocess - one.network),
      overlay: null,
    },
    load_ms,
    first_step_ms: first.inference_ms,
    rss_mb: null,
    agrees_with_published: null,
    metrics: manifest.raw.metrics ?? {},
  };
}

/** @typedef {{whole: number, capture: number, preprocess: number, network: number}} Taken ms */

/**
 * @param {Model} model
 * @param {(number: number) => Promise<ImageBitmap>} picture
 * @param {number} steps
 * @param {number} fps 0 for back to back
 * @returns {Promise<Taken[]>}
 */
async function stepped(model, picture, steps, fps) {
  const taken = [];
  let due = performance.now();
  for (let number = 0; number < steps; number++) {
    if (fps) {
      due += 1000 / fps;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
    const began = performance.now(), bitmap = await picture(number), captured = performance.now();
    const step = await model.step(bitmap);
    taken.push({
      whole: performance.now() - captured, capture: captured - began,
      preprocess: step.preprocess_ms, network: step.network_ms,
    });
  }
  return taken.slice(WARM_UP);
}

/** @param {Taken[]} taken */
function percentiles(taken) {
  const whole = taken.map((one) => one.whole);
  const [p50, p90, p95, p99, max] = [50, 90, 95, 99, 100].map((share) => percentile(whole, share));
  return { steps: whole.length, p50, p90, p95, p99, max };
}

/** What a share of values does not exceed, as numpy counts. @param {number[]} values @param {number} share */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b), place = (share / 100) * (sorted.length - 1);
  const low = Math.floor(place), high = Math.ceil(place);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

async function machine() {
  const agent = /** @type {any} */ (navigator).userAgentData;
  const known = await agent?.getHighEntropyValues?.(["model", "platformVersion", "architecture"]);
  return {
    board: known?.model || navigator.platform || "unknown",
    processor: known?.architecture || "unknown, as browsers do not tell",
    cores: support().cores,
    system: navigator.userAgent,
    python: null,
    versions: { "@litertjs/core": LITERT_JS, runtime: runtimeFile() },
    governor: null,
    load: [null, null],
    temperature_c: [null, null],
    throttled: null,
    warnings: document.hidden ? ["the page was hidden meanwhile: browsers slow it down then"] : [],
  };
}

/** @param {Awaited<ReturnType<typeof measure>>} result */
function show(result) {
  for (const [way, figures] of Object.entries(result.ways)) {
    const row = document.createElement("tr");
    const cells = [result.model, way, ...[figures.p50, figures.p95, figures.max, 1000 / figures.p50].map(
      (value) => value.toFixed(1),
    )];
    for (const text of cells) row.insertCell().textContent = text;
    find("rows").append(row);
  }
}

find("measure").onclick = async () => {
  const button = /** @type {HTMLButtonElement} */ (find("measure"));
  button.disabled = true;
  find("line").classList.remove("problem");
  find("rows").replaceChildren();
  try {
    const effort = new URLSearchParams(location.search).has("quick") ? QUICK : FULL;
    const models = [];
    for (const listed of await store.listed()) {
      models.push(await measure(listed, effort));
      show(models[models.length - 1]);
    }
    const json = /** @type {HTMLTextAreaElement} */ (find("json"));
    json.value = JSON.stringify({ machine: await machine(), models }, null, 1);
    find("line").textContent = "done";
    for (const id of ["copy", "save"]) /** @type {HTMLButtonElement} */ (find(id)).disabled = false;
  } catch (error) {
    find("line").textContent = error instanceof Error ? error.message : String(error);
    find("line").classList.add("problem");
  }
  button.disabled = false;
};

const figures = () => /** @type {HTMLTextAreaElement} */ (find("json")).value;

find("copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(figures());
    find("line").textContent = "copied";
  } catch {
    find("json").focus();
    /** @type {HTMLTextAreaElement} */ (find("json")).select();
  }
};

find("save").onclick = () =>
  share(new File([figures()], `edgevid-latency-${stamp()}.json`, { type: "application/json" }));

find("support").textContent = shortcoming() || supportInWords();
