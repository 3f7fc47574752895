// The owner's word: what clips show, teaching, and which model runs. Everything is set as text,
// never as HTML, and "saved" is only said when the service has said so.
"use strict";

const find = (id) => document.getElementById(id);
const made = (id) => find(id).content.firstElementChild.cloneNode(true);
const isToday = (at) => new Date(at).toDateString() === new Date().toDateString();
const clock = (at) => new Date(at)[isToday(at) ? "toLocaleTimeString" : "toLocaleString"]();
const percent = (share) => `${Math.round(100 * share)} %`;
const seconds = (value) => `${(Math.round(10 * value) / 10).toFixed(1)} s`;
const times = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const EVERY_MS = 2000;
const FRAME_S = 0.2;
const PEOPLE = " It knows people by themselves, and not the whole picture.";
const KNOWS = { motion: " It knows what moves by itself, and not the whole picture.", people: PEOPLE, "people-close": PEOPLE };

let clips = [];
let labels = [];
let chosen = null; // a clip's name
let current = 0; // which of its events keys speak of
let teaching = null;

// Talking to the service

async function get(what) {
  const answer = await fetch(`/review/${what}`);
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).problem ?? answer.status);
  return answer.json();
}

async function send(what, asked = {}) {
  try {
    const answer = await fetch(`/review/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    if (answer.status === 401) location.reload();
    if (answer.ok) return true;
    said((await answer.json().catch(() => ({}))).problem || `not done: ${answer.status}`, "lost");
  } catch {
    said("not done: no connection", "lost");
  }
  return false;
}

function said(text, kind = "") {
  find("line").textContent = text;
  find("line").className = kind;
}

// Clips

const isSaid = (clip) => clip.marks.length > 0 || clip.events.every((one) => one.verdict);
const title = (clip) => [...new Set(clip.events.map((one) => one.label))].join(", ") || "kept by hand";

function sum(clip) {
  const marks = clip.marks.map((one) => (one.label === "background" ? "nothing special" : one.label));
  const words = { right: "right", wrong: "wrong" };
  const said = clip.events.filter((one) => one.verdict).map((one) => words[one.verdict] ?? `it was ${one.shows}`);
  return [...new Set([...marks, ...said])].join(", ");
}

async function refresh() {
  ({ clips, labels } = await get("clips"));
  find("known").replaceChildren(...labels.map((label) => {
    const option = document.createElement("option");
    option.value = label;
    return option;
  }));
  showList();
  showChosen();
}

function listed() {
  const open = find("only-open").checked;
  return clips.filter((clip) => !open || !isSaid(clip) || clip.video === chosen);
}

function showList() {
  const items = listed().map((clip) => {
    const item = made("clip-row");
    const button = item.querySelector("button");
    set(item.querySelector(".label"), title(clip));
    set(item.querySelector(".where"), `${clip.camera}, ${clock(clip.began)}, ${seconds(clip.seconds)}`);
    const words = item.querySelector(".said");
    set(words, sum(clip) || "new");
    words.classList.toggle("open", !isSaid(clip));
    button.dataset.clip = clip.video;
    if (clip.video === chosen) button.setAttribute("aria-current", "true");
    button.onclick = () => choose(clip.video, true);
    return item;
  });
  const focused = document.activeElement?.dataset?.clip;
  find("list").replaceChildren(...items);
  if (focused) rowOf(focused)?.focus();
  find("no-clips").hidden = clips.length > 0;
}

const rowOf = (name) => [...find("list").querySelectorAll("button")].find((one) => one.dataset.clip === name);
const clipOf = (name) => clips.find((clip) => clip.video === name);

function choose(name, look = false) {
  chosen = name;
  current = 0;
  for (const button of find("list").querySelectorAll("button")) {
    if (button.dataset.clip === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  rowOf(name)?.scrollIntoView({ block: "nearest" });
  const video = find("video");
  video.src = `/review/clips/${encodeURIComponent(name)}`;
  const first = clipOf(name)?.events[0]?.second ?? 0;
  video.onloadedmetadata = () => { if (first > 1) video.currentTime = first - 1; };
  for (const id of ["mark-start", "mark-end"]) find(id).value = "";
  showChosen();
  if (look && matchMedia("(max-width: 63.99rem)").matches) {
    find("bench").scrollIntoView({ block: "start" });
    find("bench").focus({ preventScroll: true });
  }
}

function showChosen() {
  const clip = clipOf(chosen);
  find("chosen").hidden = !clip;
  if (!clip) {
    set(find("bench-title"), "No clip is chosen");
    return set(find("bench-where"), clips.length ? "Choose one from the list." : "There is none yet.");
  }
  set(find("bench-title"), title(clip));
  set(find("bench-where"), `${clip.camera}, ${clock(clip.began)}, ${seconds(clip.seconds)}`);
  const open = document.activeElement?.closest?.("#clip-events li")?.dataset.place;
  const typing = open !== undefined && document.activeElement.tagName === "INPUT";
  if (!typing) find("clip-events").replaceChildren(...clip.events.map((event, n) => eventItem(clip, event, n)));
  find("no-clip-events").hidden = clip.events.length > 0;
  find("how-to-judge").hidden = !clip.events.length;
  find("nothing").setAttribute("aria-pressed", clip.marks.some((one) => one.label === "background"));
  find("marks").replaceChildren(...clip.marks.filter((one) => one.label !== "background").map(markItem));
  showTimeline(clip);
}

function eventItem(clip, event, number) {
  const item = made("clip-event");
  item.dataset.place = event.place;
  if (number === current && clip.events.length > 1) item.setAttribute("aria-current", "true");
  set(item.querySelector(".label"), event.label || "–");
  const was = event.verdict === "other" ? `, it was ${event.shows}` : "";
  set(item.querySelector(".where"), `at ${seconds(event.second)}, ${percent(event.probability)}${was}`);
  const group = item.querySelector(".verdicts");
  group.setAttribute("aria-label", `${event.label} at ${seconds(event.second)}`);
  const form = item.querySelector("form");
  for (const button of group.querySelectorAll("button")) {
    const verdict = button.dataset.verdict;
    button.setAttribute("aria-pressed", event.verdict === verdict);
    button.onclick = () => {
      current = number;
      if (verdict !== "other") return judge(clip, event, verdict);
      form.hidden = !form.hidden;
      button.setAttribute("aria-expanded", !form.hidden);
      if (!form.hidden) form.querySelector("input").focus();
    };
  }
  form.onsubmit = (submitted) => {
    submitted.preventDefault();
    judge(clip, event, "other", form.querySelector("input").value);
  };
  return item;
}

async function judge(clip, event, verdict, label = "") {
  const again = event.verdict === verdict && verdict !== "other";
  const asked = { clip: clip.video, place: event.place, verdict: again ? null : verdict, label };
  if (!(await send("judge", asked))) return;
  document.activeElement?.blur?.();
  const text = again ? "Taken back." : `Saved: ${event.label} was ${verdict === "other" ? label : verdict}.`;
  await after(text, `#clip-events li[data-place="${event.place}"] [data-verdict="${verdict}"]`);
}

async function after(text, focus) {
  await refresh();
  await showTeaching();
  said(text);
  if (focus) document.querySelector(focus)?.focus();
}

function markItem(mark) {
  const item = made("mark-row");
  const seek = item.querySelector(".seek");
  set(seek, `${mark.label}: ${seconds(mark.start)} to ${seconds(mark.end)}`);
  seek.onclick = () => { find("video").currentTime = mark.start; find("video").play(); };
  const away = item.querySelector(".away");
  away.setAttribute("aria-label", `Remove ${mark.label}, ${seconds(mark.start)}`);
  away.onclick = async () => { if (await send("unmark", { number: mark.number })) await after("Removed.", "#mark-label"); };
  return item;
}

function showTimeline(clip) {
  const bar = (start, end, kind) => {
    const span = document.createElement("span");
    span.className = kind;
    span.style.left = `${(100 * start) / Math.max(clip.seconds, 0.1)}%`;
    if (!kind) span.style.width = `${(100 * (end - start)) / Math.max(clip.seconds, 0.1)}%`;
    return span;
  };
  find("timeline").replaceChildren(
    ...clip.marks.filter((one) => one.label !== "background").map((one) => bar(one.start, one.end, "")),
    ...clip.events.map((one) => bar(one.second, one.second, "event")),
  );
}

find("mark").onsubmit = async (submitted) => {
  submitted.preventDefault();
  const asked = {
    clip: chosen,
    start: Number(find("mark-start").value),
    end: Number(find("mark-end").value),
    label: find("mark-label").value,
  };
  if (await send("mark", asked)) {
    await after(`Saved: ${asked.label}, ${seconds(asked.start)} to ${seconds(asked.end)}.`, "#mark button:not([type])");
  }
};
find("from-here").onclick = () => here("mark-start");
find("to-here").onclick = () => here("mark-end");
find("nothing").onclick = nothing;
find("only-open").onchange = showList;
find("record").onclick = async () => {
  if (await send("record")) said("The clips are there when their last seconds have passed.");
};

function here(id) {
  find(id).value = find("video").currentTime.toFixed(1);
}

async function nothing() {
  const clip = clipOf(chosen);
  const mark = clip?.marks.find((one) => one.label === "background");
  if (!clip) return;
  if (mark ? await send("unmark", { number: mark.number }) : await send("nothing", { clip: chosen })) {
    await after(mark ? "Taken back." : "Saved: nothing special.", "#nothing");
  }
}

// Teaching

let shownProgress = "";

async function showTeaching() {
  teaching = await get("teaching");
  const { lessons, models, runs, before } = teaching;
  const shown = Object.entries(lessons.shown).map(([label, count]) => `${label} ${times(count, "time", "times")}`);
  const parts = shown.length ? [`Shown: ${shown.join(", ")}.`] : [];
  if (lessons.nothing) parts.push(`${times(lessons.nothing, "clip shows", "clips show")} nothing special.`);
  if (lessons.quiet_hours) parts.push(`${times(lessons.quiet_hours, "quiet hour", "quiet hours")}.`);
  if (lessons.problem) parts.push(lessons.problem);
  set(find("lessons"), parts.join(" "));
  find("first").hidden = models.length > 0;
  find("unsaid").hidden = !lessons.unsaid.length;
  set(find("unsaid"), `${times(lessons.unsaid.length, "clip is", "clips are")} left out: say of each event in them what it was.`);
  showProgress(teaching.progress);
  showResult(models[0], runs);
  find("undo").hidden = before.length === 0;
  if (before.length) {
    const name = before[0] === null ? "the model of edgevid.toml" : `model ${before[0]}`;
    set(find("undo"), `Go back to ${name}`);
  }
}

function showProgress(progress) {
  teaching.progress = progress;
  const running = progress.state === "running";
  find("teach").disabled = running || Boolean(teaching.lessons.problem);
  find("stop").hidden = !running;
  find("progress").hidden = !running;
  if (running) {
    const text = `${progress.what[0].toUpperCase()}${progress.what.slice(1)}: ${progress.done} of ${progress.of}`;
    set(find("doing"), text);
    find("bar").max = progress.of || 1;
    find("bar").value = progress.done;
    if (progress.what !== shownProgress) said(`Teaching: ${progress.what}`);
    shownProgress = progress.what;
  }
  find("failed").hidden = progress.state !== "failed";
  set(find("failed"), progress.state === "failed" ? `Not taught: ${progress.problem}` : "");
  clearTimeout(showProgress.later);
  if (running) showProgress.later = setTimeout(tick, 500);
}

async function tick() {
  try {
    const progress = await get("progress");
    if (progress.state === "running") return showProgress(progress);
    await showTeaching();
    if (teaching.progress.state === "done") said(`Taught in ${seconds(teaching.progress.seconds)}. Look at the result.`);
  } catch {
    setTimeout(tick, EVERY_MS);
  }
}

function showResult(model, runs) {
  find("result").hidden = !model;
  if (!model) return;
  set(find("result-title"), `Model ${model.number}, ${clock(model.made)}${runs === model.number ? ": watches now" : ""}`);
  const text = model.held_out
    ? `Taught from ${times(model.recordings, "recording", "recordings")}, ${model.minutes.toFixed(1)} minutes. Each clip is judged by what was learned from the others.`
    : "There are too few clips to hold some out: nothing is measured.";
  const seen = model.seen_before ? ` The model before knew ${model.seen_before} of them: its figures flatter it.` : "";
  set(find("tells"), `It tells of ${model.labels.map((one) => one.label).join(", ")}, and of nothing else.${KNOWS[model.follows] ?? ""}`);
  set(find("held"), text + seen);
  find("figures").replaceChildren(...model.labels.flatMap(figures));
  const stays = model.week - model.gone.length;
  set(find("gone"), model.week
    ? `Of last week's ${times(model.week, "event", "events")} ${stays} would have come. ${lostOnes(model.gone)}`
    : "There were no events last week to compare with.");
  find("gone-part").hidden = !model.gone.length;
  if (find("gone-part").dataset.of !== `${model.number} ${clips.length}`) {
    find("gone-part").dataset.of = `${model.number} ${clips.length}`;
    find("gone-list").replaceChildren(...model.gone.slice(0, 20).map(goneItem));
  }
  find("warnings-part").hidden = !model.warnings.length;
  find("warnings").replaceChildren(...model.warnings.map((warning) => {
    const item = document.createElement("li");
    set(item, warning);
    return item;
  }));
  find("use").disabled = runs === model.number;
  set(find("use"), runs === model.number ? "It is used" : "Use it");
  find("use").dataset.number = model.number;
}

function figures({ label, before, after }) {
  const found = (one) => (one ? `${one.found} of ${one.shown}` : "–");
  const wrong = (one) => (one ? `${(one.false / Math.max(one.hours, 1e-9)).toFixed(1)} (${one.false} in ${(60 * one.hours).toFixed(1)} min)` : "–");
  return [["announced", found], ["false alarms an hour", wrong]].map(([what, told], number) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    set(head, number ? what : `${label}: ${what}`);
    row.append(head, ...[told(before), told(after)].map((text) => {
      const cell = document.createElement("td");
      set(cell, text);
      return cell;
    }));
    return row;
  });
}

const eventOf = ({ clip, place }) => clipOf(clip)?.events.find((one) => one.place === place);

function lostOnes(gone) {
  if (!gone.length) return "";
  const verdicts = gone.map((one) => eventOf(one)?.verdict);
  const count = (verdict) => verdicts.filter((one) => one === verdict).length;
  const wrong = count("wrong") + count("other"), right = count("right");
  const words = [[wrong, "wrong"], [right, "right"], [gone.length - wrong - right, "not judged"]];
  const some = words.filter(([number]) => number).map(([number, word]) => `${number} ${word}`);
  return `Those that would not: ${some.join(", ")}.`;
}

function goneItem({ clip, place }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  const known = clipOf(clip);
  const event = eventOf({ clip, place });
  const verdict = event?.verdict ? ` (${event.verdict === "other" ? `it was ${event.shows}` : event.verdict})` : "";
  set(button, event ? `${event.label}, ${known.camera}, ${clock(known.began)}${verdict}` : clip);
  button.disabled = !known;
  button.onclick = () => choose(clip, true);
  item.append(button);
  return item;
}

find("teach").onclick = async () => { if (await send("teach")) { said("Teaching …"); await showTeaching(); } };
find("stop").onclick = async () => { if (await send("stop")) { said("Stopped."); await showTeaching(); } };
find("use").onclick = async () => {
  find("use").disabled = true;
  const number = Number(find("use").dataset.number);
  const done = await send("use", { number });
  await showTeaching();
  if (done) changed(`Model ${number} watches.`);
};
find("undo").onclick = async () => {
  const done = await send("undo");
  await showTeaching();
  if (done) changed("The model before watches again.");
};

function changed(text) {
  const name = teaching.runs === null ? "" : `taught-${teaching.runs}`;
  if (name) set(find("model"), name);
  said(text);
  find("teach-title").scrollIntoView({ block: "nearest" });
}

// Quiet hours

async function showQuiet() {
  const { cameras } = await get("quiet");
  find("quiet").replaceChildren(...cameras.flatMap((camera) => {
    const title = document.createElement("h3");
    set(title, camera.camera);
    const hint = document.createElement("p");
    hint.className = "hint";
    set(hint, camera.problem || (camera.hours.length + camera.offered.length ? "" : "No quiet hour is kept yet."));
    const list = document.createElement("ol");
    list.append(
      ...camera.offered.map((hour) => hourItem(camera, hour, "Take back", "withdraw", { number: hour.number })),
      ...camera.hours.map((hour) => hourItem(camera, hour, "Offer", "offer", { camera: camera.camera, ...hour })),
    );
    return [title, hint, list];
  }));
}

function hourItem(camera, hour, word, what, asked) {
  const item = document.createElement("li");
  const text = document.createElement("span");
  set(text, `${new Date(1000 * hour.start).toLocaleString()}, 1 h`);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  set(button, word);
  button.setAttribute("aria-label", `${word} ${text.textContent}, ${camera.camera}`);
  button.onclick = async () => {
    if (await send(what, asked)) { await showQuiet(); await after(word === "Offer" ? "Saved as background." : "Taken back."); }
  };
  item.append(text, button);
  return item;
}

find("quiet-part").ontoggle = () => { if (find("quiet-part").open) showQuiet().catch(lost); };

// Keys, but while somebody types

document.addEventListener("keydown", (pressed) => {
  const typing = pressed.target.closest("input, select, textarea, video, #drawn");
  if (typing || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
  const act = KEYS[pressed.key];
  if (act) { pressed.preventDefault(); act(); }
});

function step(by) {
  const names = listed().map((clip) => clip.video);
  if (!names.length) return;
  const place = names.indexOf(chosen) + by;
  choose(names[Math.min(names.length - 1, Math.max(0, chosen ? place : 0))]);
}

function press(verdict) {
  find("clip-events").children[current]?.querySelector(`[data-verdict="${verdict}"]`)?.click();
}

function move(by) {
  const video = find("video");
  video.pause();
  video.currentTime = Math.max(0, video.currentTime + by);
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  p: () => (find("video").paused ? find("video").play() : find("video").pause()),
  ",": () => move(-FRAME_S),
  ".": () => move(FRAME_S),
  1: () => press("right"),
  2: () => press("wrong"),
  3: () => press("other"),
  n: nothing,
  "[": () => here("mark-start"),
  "]": () => here("mark-end"),
};

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const lost = (error) => said(error instanceof TypeError ? "no connection, trying again …" : String(error.message), "lost");

async function start() {
  const { kept } = await (await fetch("/clips")).json();
  const there = kept && (await fetch("/review/teaching")).ok;
  find("review").hidden = !there;
  find("none").hidden = there;
  if (!there) return;
  await refresh();
  await showTeaching();
  const wanted = clips.find((clip) => `#${encodeURIComponent(clip.video)}` === location.hash);
  if (wanted) choose(wanted.video, true);
  else if (clips.length && !matchMedia("(max-width: 63.99rem)").matches) choose(clips[0].video);
  // New clips come in while somebody looks.
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const { clips: now } = await get("clips");
      if (JSON.stringify(now) !== JSON.stringify(clips)) await refresh();
      if (find("line").textContent.startsWith("no connection")) said("");
    } catch (error) { lost(error); }
  }, EVERY_MS);
}

start().catch(lost);
