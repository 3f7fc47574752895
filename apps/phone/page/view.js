// What the page shows. Everything is set as text, never as HTML: labels come from a model file.

/** @typedef {import("./watch/events.js").Event} Event */

const MOST_EVENTS = 200, ROWS = 5;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @returns {T}
 */
export const find = (id) => /** @type {any} */ (document.getElementById(id));

/** @param {string} id @returns {HTMLElement} */
const made = (id) => /** @type {any} */ (
  /** @type {HTMLTemplateElement} */ (find(id)).content.firstElementChild?.cloneNode(true)
);

/** @param {Element | null} element @param {string} text */
export function set(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** Says how things are, or what is wrong. @param {string} text @param {boolean} [isProblem] */
export function say(text, isProblem = false) {
  set(find("line"), text);
  find("line").classList.toggle("problem", isProblem);
}

/** What stands in the picture's place; empty for the picture. @param {string} text */
export function notice(text) {
  find("notice").hidden = !text;
  set(find("notice").firstElementChild, text);
}

const rows = Array.from({ length: ROWS }, () => made("score"));
find("scores")?.append(...rows);

/** @type {Map<string, {item: HTMLElement, began: number}>} by label: what goes on */
const goingOn = new Map();

/** @param {import("./watch/events.js").Score[]} scores */
export function showScores(scores) {
  rows.forEach((row, place) => {
    const score = scores[place], label = row.querySelector(".label");
    set(label, score?.label ?? "–");
    label?.classList.toggle("active", goingOn.has(score?.label));
    set(row.querySelector(".percent"), score ? percent(score.probability) : "");
    const bar = /** @type {HTMLElement} */ (row.querySelector(".bar span"));
    bar.style.transform = `scaleX(${score?.probability ?? 0})`;
  });
  const [best] = scores;
  find("top").hidden = !best;
  set(find("top"), best ? `${best.label} ${percent(best.probability)}` : "");
}

/** Events: one line for each action, from its start to its end. @param {Event} event */
export function showEvent({ state, label, timestamp }) {
  if (state === "end") {
    const known = goingOn.get(label);
    known?.item.classList.remove("going-on");
    if (known) set(known.item.querySelector(".length"), duration(timestamp - known.began));
    goingOn.delete(label);
    return;
  }
  const item = made("event"), time = /** @type {HTMLTimeElement} */ (item.querySelector("time"));
  item.classList.add("going-on");
  time.dateTime = new Date().toISOString();
  set(time, new Date().toLocaleTimeString());
  set(item.querySelector(".label"), label);
  set(item.querySelector(".length"), "now");
  goingOn.set(label, { item, began: timestamp });
  find("events").prepend(item);
  while (find("events").childElementCount > MOST_EVENTS) find("events").lastElementChild?.remove();
  find("no-events").hidden = true;
}

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** @param {number} ms */
export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** @param {number} seconds */
function duration(seconds) {
  return seconds < 60 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}
