// Shows what /events tells. Everything is set as text, never as HTML: labels come from a model file.
"use strict";

const find = (id) => document.getElementById(id);
const made = (id) => find(id).content.firstElementChild.cloneNode(true);
const isToday = (at) => new Date(at).toDateString() === new Date().toDateString();
const clock = (at) => new Date(at)[isToday(at) ? "toLocaleTimeString" : "toLocaleString"]();
const MOST_EVENTS = 200;
const ROWS = 5;

const cards = new Map(); // by camera
let line = null;

function connect() {
  line?.close();
  line = new EventSource("/events?cameras&recent");
  line.onopen = () => said("", "");
  line.onerror = () => {
    said("no connection, trying again …", "lost");
    if (line.readyState === EventSource.CLOSED) setTimeout(reconnect, 3000);
  };
  line.addEventListener("cameras", (message) => {
    const cameras = JSON.parse(message.data);
    cameras.forEach(showCamera);
    const live = cameras.filter((camera) => ["live", "off"].includes(camera.state)).length;
    said(live === cameras.length ? "" : `${live} of ${cameras.length} cameras live`, "");
  });
  line.addEventListener("action", (message) => showEvent(JSON.parse(message.data)));
}

// A browser does not say why it gave up: perhaps the token is another now.
async function reconnect() {
  try {
    if ((await fetch("/clips")).status === 401) return location.reload();
  } catch {
    // The service is away; it will be back.
  }
  connect();
}

function said(text, kind) {
  find("line").textContent = text;
  find("line").className = kind;
}

// Cameras

function cardOf(name) {
  if (!cards.has(name)) {
    const card = made("camera");
    card.querySelector("h2").textContent = name;
    const scores = card.querySelector(".scores");
    for (let row = 0; row < ROWS; row++) scores.append(made("score"));
    const picture = card.querySelector("img");
    picture.onload = () => { picture.hidden = false; picture.dataset.busy = ""; };
    picture.onerror = () => { picture.dataset.busy = ""; };
    find("cameras").append(card);
    cards.set(name, card);
  }
  return cards.get(name);
}

function showCamera(camera) {
  const card = cardOf(camera.name);
  const state = card.querySelector(".state");
  set(state, { live: "Live", lost: "Lost", starting: "Starting", off: "Off" }[camera.state]);
  state.className = `state ${camera.state}`;
  card.classList.toggle("away", camera.state !== "live");
  const since = `${{ lost: "Lost", off: "Off" }[camera.state] ?? "Starting"} since ${clock(camera.since)}`;
  name(card.querySelector(".notice span"), camera.problem ? `${since}: ${camera.problem}` : since);
  showPicture(card.querySelector("img"), camera);
  showScores(card.querySelectorAll(".scores li"), camera);
  set(card.querySelector(".latency"), milliseconds(camera.latency_ms.p50));
  set(card.querySelector(".inference"), milliseconds(camera.inference_ms.p50));
  const ticks = camera.steps + camera.skipped;
  set(card.querySelector(".skipped"), `${camera.skipped} (${percent(camera.skipped / Math.max(1, ticks))})`);
  set(card.querySelector(".losses"), `${camera.losses}×`);
}

// The next picture is asked for when the last one is there: a slow line shows fewer, not older ones.
function showPicture(picture, camera) {
  picture.alt = `${camera.name}: ${camera.scores[0]?.label ?? "no picture now"}`;
  if (picture.dataset.busy || picture.dataset.shown === String(camera.steps) || !camera.steps) return;
  picture.dataset.busy = "yes";
  picture.dataset.shown = camera.steps;
  picture.src = `/cameras/${encodeURIComponent(camera.name)}/picture.jpg?${camera.steps}`;
}

function showScores(rows, camera) {
  rows.forEach((row, place) => {
    const score = camera.scores[place];
    const label = row.querySelector(".label");
    name(label, score?.label || "–");
    label.classList.toggle("active", camera.active.includes(score?.label));
    set(row.querySelector(".percent"), score ? percent(score.probability) : "");
    row.querySelector(".bar span").style.transform = `scaleX(${score?.probability ?? 0})`;
  });
}

// Events: one line for each action, from its start to its end.

const goingOn = new Map(); // by camera, track and label: the line

function showEvent(event) {
  const key = `${event.camera}\n${event.track ?? ""}\n${event.label}`;
  if (event.event_type === "end") {
    const item = goingOn.get(key);
    if (item) {
      item.classList.remove("going-on");
      const seconds = (new Date(event.time) - new Date(item.dataset.began)) / 1000;
      set(item.querySelector(".length"), duration(seconds));
      goingOn.delete(key);
      refreshClips();
    }
    return;
  }
  const item = made("event");
  item.dataset.began = event.time;
  item.classList.add("going-on");
  item.classList.toggle("alert", event.level === "alert");
  const time = item.querySelector("time");
  time.dateTime = event.time;
  set(time, clock(event.time));
  name(item.querySelector(".label"), event.label || "–");
  const who = event.track === undefined ? "" : `, track ${event.track}`;
  const zone = event.zone === undefined ? "" : `, ${event.zone}`;
  const level = event.level === "alert" ? ", alert" : "";
  const where = `${event.camera}${zone}${who}, ${percent(event.probability)}${level}`;
  set(item.querySelector(".where"), where);
  set(item.querySelector(".length"), "now");
  goingOn.set(key, item);
  find("events").prepend(item);
  while (find("events").childElementCount > MOST_EVENTS) find("events").lastElementChild.remove();
  find("no-events").hidden = true;
}

// Clips

let clipsLater = 0;

function refreshClips() {
  clearTimeout(clipsLater);
  clipsLater = setTimeout(showClips, 1000);
}

async function showClips() {
  const answer = await fetch("/clips").catch(() => null);
  if (!answer?.ok) return;
  const { kept, clips } = await answer.json();
  find("clips-section").hidden = !kept;
  find("no-clips").hidden = clips.length > 0;
  find("clips").replaceChildren(...clips.map(clipItem));
}

function clipItem(clip) {
  const item = made("clip");
  const labels = [...new Set(clip.events.map((event) => event.label))];
  name(item.querySelector(".label"), labels.join(", ") || "kept by hand");
  set(item.querySelector(".where"), `${clip.camera}, ${clock(clip.began)}`);
  set(item.querySelector(".length"), duration(clip.seconds));
  item.querySelector("button").onclick = () => play(clip, labels);
  return item;
}

function play(clip, labels) {
  const player = find("player");
  const address = `/clips/${encodeURIComponent(clip.video)}`;
  set(find("player-title"), `${clip.camera}: ${labels.join(", ")}`);
  player.querySelector("img").src = `${address}?play&${Date.now()}`;
  player.querySelector("a").href = address;
  find("to-review").href = `/review#${encodeURIComponent(clip.video)}`;
  player.showModal();
}

find("player").addEventListener("close", () => find("player").querySelector("img").removeAttribute("src"));

// Words and figures

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Words that may be cut are to be had in full.
function name(element, text) {
  set(element, text);
  if (element.title !== text) element.title = text;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const milliseconds = (ms) => (ms ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : "–");

function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Nobody looks: nothing is drawn, encoded or sent.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) line?.close();
  else reset();
});

function reset() {
  find("events").replaceChildren();
  goingOn.clear();
  connect();
  showClips();
}

reset();
