// The page: a camera or a video, a model, and what comes of both.

import * as camera from "./camera/camera.js";
import { frames } from "./camera/frames.js";
import { canRecord, record, stamp } from "./camera/recording.js";
import { Model } from "./model/model.js";
import { ModelFileError, parseLabels } from "./model/model_file.js";
import * as store from "./model/store.js";
import { jsonLines, share } from "./share.js";
import { panel } from "./teach/panel.js";
import { runtimeFile, shortcoming, supportInWords } from "./support.js";
import { find, milliseconds, notice, percent, say, set, showEvent, showScores } from "./view.js";
import { Watch } from "./watch/watch.js";

/**
 * @typedef {import("./watch/events.js").Event} Event
 * @typedef {{isLive: boolean, name: string, stream: MediaStream | null}} Source
 */

const MOST_EVENTS = 10_000; // that are kept to be shared
const IDLE = "The picture stays on this phone.";
const video = /** @type {HTMLVideoElement} */ (find("video"));
const gate = /** @type {HTMLInputElement} */ (find("gate"));

/** @type {Promise<Model> | null} */
let model = null;
/** @type {Watch | null} */
let watch = null;
/** @type {Source | null} what is being watched */
let source = null;
/** @type {ReturnType<typeof frames> | null} */
let running = null;
/** @type {{source: string, event: Event, time: Date}[]} */
const events = [];
const figures = { steps: 0, ran: 0, ms: 0, since: performance.now(), frames: 0 };

// The model

/** @param {store.Listed} listed */
async function choose(listed) {
  remember(listed.name);
  await teaching.forget();
  return use(listed.name, () => store.fetched(listed, progress));
}

/** @param {number} part */
const progress = (part) => say(`loading the model … ${percent(part)}`);

/**
 * Takes another model in place of the one that runs; that one goes on until the other is there.
 * @param {string} name
 * @param {() => Promise<Uint8Array<ArrayBuffer>>} fetchIt
 */
async function use(name, fetchIt) {
  const before = model;
  say("loading the model …");
  const next = fetchIt().then(async (data) => {
    const labels = parseLabels(await (await fetch("kinetics_600.txt")).text());
    return Model.load(data, { name, labels });
  });
  model = next;
  try {
    const loaded = await next;
    if (model !== next) return loaded.close(); // another was chosen meanwhile
    await endWatch();
    await before?.then((old) => old.close(), () => {});
    watch = new Watch(loaded);
    watch.gated = gate.checked;
    set(find("model-name"), loaded.manifest.name || name);
    showScores([]);
    say(source ? "" : "ready");
    navigator.serviceWorker?.controller?.postMessage({ keep: runtimeAddresses() });
  } catch (error) {
    if (model === next) model = before;
    await trouble(error);
  }
}

/** The model that was chosen last, where the browser remembers anything. */
function remembered() {
  try {
    return localStorage.getItem("model");
  } catch {
    return null;
  }
}

/** @param {string} name */
function remember(name) {
  try {
    localStorage.setItem("model", name);
  } catch {
    // Then the page begins with the first model next time.
  }
}

const runtimeAddresses = () => ["js", "wasm"].map(
  (ending) => new URL(`vendor/wasm/${runtimeFile()}.${ending}`, location.href).href,
);

/** The network up to its features of the model that runs, for a teacher. */
async function base() {
  const { manifest } = (await model) ?? {};
  const listed = known.find(({ name }) => name === remembered()) ?? known[0];
  const file = manifest?.head ? listed : listed?.features;
  if (!manifest || !file) return null;
  const data = await store.fetched({ ...file, name: listed.name }, () => {});
  return { data, manifest };
}

const teaching = panel({
  base,
  isWatching: () => source !== null,
  use: (name, data) => add(`${name}.tflite`, async () => data.slice()),
});

/** What ends the events that go on, until it has. @type {Promise<void>} */
let ending = Promise.resolve();

async function endWatch() {
  const ended = (await watch?.end().catch(() => [])) ?? [];
  ended.forEach(note);
}

// The source

async function start() {
  await stop();
  const select = /** @type {HTMLSelectElement} */ (find("cameras"));
  let stream;
  try {
    say("waiting for the camera …");
    stream = await camera.open(select.value);
  } catch (error) {
    return trouble(error);
  }
  const [track] = stream.getVideoTracks();
  track.onended = () => {
    stop().then(() => trouble(new camera.CameraError(
      "The camera was taken away, by another app or by being pulled out. Tap Start to go on.",
    )));
  };
  track.onmute = () => say("the camera gives no pictures now");
  track.onunmute = () => say("");
  video.srcObject = stream;
  await begin({ isLive: true, name: track.label || "camera", stream });
  find("torch").hidden = !camera.hasTorch(stream);
  await listCameras();
}

/** @param {File} file */
async function play(file) {
  await stop();
  video.src = URL.createObjectURL(file);
  video.onended = () => stop();
  video.onerror = () => stop().then(() => trouble(new camera.CameraError(
    `This browser cannot play ${file.name}: choose a video in another format.`,
  )));
  await begin({ isLive: false, name: file.name, stream: null });
}

/** @param {Source} next */
async function begin(next) {
  source = next;
  try {
    await video.play();
  } catch (error) {
    if (source === next && !video.error) await trouble(error);
  }
  if (source !== next) return;
  notice("");
  set(find("start"), "Stop");
  find("record").hidden = !canRecord();
  say((await model?.catch(() => null)) ? "" : "loading the model …");
  figures.since = performance.now();
  figures.steps = figures.ran = figures.ms = figures.frames = 0;
  running = frames(video, next.isLive, take);
  teaching.refresh();
  await stayAwake();
}

async function stop() {
  running?.stop();
  running = null;
  if (source?.stream) camera.close(source.stream);
  if (video.src) URL.revokeObjectURL(video.src);
  source = null;
  video.onended = video.onerror = null;
  video.srcObject = null;
  video.removeAttribute("src");
  recording?.stop();
  notice(IDLE);
  set(find("start"), "Start camera");
  for (const id of ["torch", "record"]) find(id).hidden = true;
  find("torch").setAttribute("aria-pressed", "false");
  ending = endWatch();
  await ending;
  showScores([]);
  await wakeLock?.release().catch(() => {});
  wakeLock = null;
  say("");
  teaching.refresh();
}

/** @param {import("./watch/watch.js").Frame} frame */
async function take(frame) {
  figures.frames += 1;
  const current = watch;
  if (!current) return;
  try {
    if (teaching.isFilming()) return await teaching.take(frame);
    const seen = await current.take(frame);
    if (!source || current !== watch) return;
    seen.events.forEach(note);
    if (seen.prediction) show(seen.prediction);
  } catch (error) {
    if (current !== watch || !source) return;
    await stop();
    await trouble(error);
  }
}

/** @param {import("./watch/events.js").Prediction} prediction */
function show(prediction) {
  showScores(prediction.scores);
  figures.steps += 1;
  if (prediction.inference_ms) figures.ran += 1;
  figures.ms += prediction.inference_ms;
  const seconds = (performance.now() - figures.since) / 1000;
  if (seconds < 1) return;
  set(find("fps"), `${((running?.seen() ?? 0) / seconds).toFixed(0)}/s`);
  set(find("steps"), `${(figures.steps / seconds).toFixed(1)}/s`);
  set(find("step"), figures.ran ? milliseconds(figures.ms / figures.ran) : "–");
  set(find("skipped"), String(watch?.skipped ?? 0));
  if (watch?.gated) set(find("support"), `${watch.saved} of ${figures.steps} steps saved. ${supportInWords()}`);
}

/** @param {Event} event */
function note(event) {
  if (events.length === MOST_EVENTS) events.shift();
  events.push({ source: source?.name ?? "camera", event, time: new Date() });
  showEvent(event);
  /** @type {HTMLButtonElement} */ (find("share")).disabled = false;
}

/** @param {unknown} error */
async function trouble(error) {
  const isForPeople = error instanceof ModelFileError || error instanceof camera.CameraError;
  const text = error instanceof Error ? error.message : String(error);
  say(isForPeople ? text : `Something failed: ${text}. Reload the page.`, true);
  if (!source) notice(IDLE);
}

// The screen stays on while a camera is watched, and nothing runs while nobody can see it.

/** @type {WakeLockSentinel | null} */
let wakeLock = null;

async function stayAwake() {
  try {
    wakeLock = (await navigator.wakeLock?.request("screen")) ?? null;
  } catch {
    // The battery is low, or the browser will not: the screen goes dark after a while.
  }
}

let wasLive = false;
document.addEventListener("visibilitychange", async () => {
  if (document.hidden) {
    wasLive = Boolean(source?.isLive);
    if (wasLive) await stop();
  } else if (wasLive) {
    wasLive = false;
    await start();
  }
});

// Controls

find("start").onclick = () => (source ? stop() : start());

find("flip").onclick = async () => {
  const select = /** @type {HTMLSelectElement} */ (find("cameras"));
  const ids = [...select.options].map(({ value }) => value).filter(Boolean);
  const current = source?.stream?.getVideoTracks()[0].getSettings().deviceId ?? "";
  select.value = ids[(ids.indexOf(current) + 1) % ids.length];
  await start();
};

find("cameras").onchange = () => { if (source?.isLive) start(); };

async function listCameras() {
  const select = /** @type {HTMLSelectElement} */ (find("cameras")), { value } = select;
  const there = await camera.cameras();
  const options = there.map(({ deviceId, label }, number) => {
    const option = document.createElement("option");
    option.value = deviceId;
    option.textContent = label || `camera ${number + 1}`;
    return option;
  });
  select.replaceChildren(select.options[0], ...options);
  select.value = there.some(({ deviceId }) => deviceId === value) ? value : "";
  find("flip").hidden = there.length < 2;
}

find("torch").onclick = async () => {
  const on = find("torch").getAttribute("aria-pressed") !== "true";
  try {
    if (source?.stream) await camera.setTorch(source.stream, on);
    find("torch").setAttribute("aria-pressed", String(on));
  } catch {
    say("The light cannot be used with this camera.", true);
  }
};

/** @type {ReturnType<typeof record> | null} */
let recording = null;

find("record").onclick = async () => {
  if (recording) return recording.stop();
  const button = find("record"), shown = find("recorded");
  try {
    recording = record(video, () => find("top").textContent ?? "", (seconds) => {
      set(shown.firstElementChild, `${Math.floor(seconds)} s`);
    });
    button.setAttribute("aria-pressed", "true");
    set(button, "Save");
    shown.hidden = false;
    await share(await recording.done);
  } catch (error) {
    await trouble(error);
  } finally {
    recording = null;
    button.setAttribute("aria-pressed", "false");
    set(button, "Record");
    shown.hidden = true;
  }
};

find("share").onclick = async () => {
  await ending;
  const name = `edgevid-events-${stamp()}.jsonl`;
  await share(new File([jsonLines(events)], name, { type: "application/jsonl" }));
};

/** @param {HTMLInputElement} input */
const file = (input) => input.files?.[0];

find("model-file").onchange = async ({ target }) => {
  const picked = file(/** @type {HTMLInputElement} */ (target));
  if (picked) await teaching.forget().then(() => add(picked.name, async () => new Uint8Array(await picked.arrayBuffer())));
};

find("model-form").onsubmit = async (event) => {
  event.preventDefault();
  const { value } = /** @type {HTMLInputElement} */ (find("model-url"));
  const name = decodeURIComponent(new URL(value).pathname.split("/").pop() || "model");
  await teaching.forget();
  await add(name, () => store.download(value, undefined, progress));
};

/**
 * Uses a person's own model, and keeps it once it has been found to run.
 * @param {string} fileName
 * @param {() => Promise<Uint8Array<ArrayBuffer>>} fetchIt
 */
async function add(fileName, fetchIt) {
  const name = fileName.replace(/\.tflite$/, "");
  /** @type {Uint8Array<ArrayBuffer> | undefined} */
  let kept;
  const before = watch;
  await use(name, async () => {
    const data = await fetchIt();
    kept = data.slice();
    return data;
  });
  if (watch === before || !kept) return;
  remember(name);
  const problem = await store.keepOwn(name, kept);
  await listModels();
  if (problem) say(problem, true);
}

find("video-file").onchange = async ({ target }) => {
  const picked = file(/** @type {HTMLInputElement} */ (target));
  if (picked) await play(picked);
};

gate.onchange = () => { if (watch) watch.gated = gate.checked; };

/** @type {store.Listed[]} */
let known = [];

async function listModels() {
  known = await store.listed();
  const select = /** @type {HTMLSelectElement} */ (find("models"));
  select.replaceChildren(...known.map(({ name, size }) => {
    const option = document.createElement("option");
    option.value = name;
    option.textContent = size ? `${name}, ${(size / 1e6).toFixed(1)} MB` : `${name}, yours`;
    return option;
  }));
  const last = remembered();
  if (known.some(({ name }) => name === last)) select.value = String(last);
  return known.find(({ name }) => name === select.value);
}

find("models").onchange = ({ target }) => {
  const { value } = /** @type {HTMLSelectElement} */ (target);
  const chosen = known.find(({ name }) => name === value);
  if (chosen) choose(chosen);
};

// The beginning

async function main() {
  set(find("support"), supportInWords());
  const lacks = shortcoming();
  if (lacks) return say(lacks, true);
  navigator.serviceWorker?.register("sw.js").catch(() => {}); // without it there is no offline start
  navigator.serviceWorker?.addEventListener("controllerchange", () => {
    navigator.serviceWorker.controller?.postMessage({ keep: runtimeAddresses() });
  });
  const first = await listModels();
  if (!first) return say("This site brings no model: choose a file in Settings.", true);
  await choose(first);
  await listCameras().catch(() => {});
}

main();
