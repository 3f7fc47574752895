// The part of the page where a person teaches.

import { share } from "../share.js";
import { find, set } from "../view.js";
import { lack } from "./choosing.js";
import { Teacher } from "./teacher.js";

/**
 * @typedef {object} Page what the panel needs of it
 * @property {() => Promise<{data: Uint8Array<ArrayBuffer>,
 *   manifest: import("../model/model_file.js").Manifest} | null>} base the network up to its features
 *   of the model that runs, and that model's manifest; null where there is none
 * @property {() => boolean} isWatching whether a camera or a video plays
 * @property {(name: string, data: Uint8Array<ArrayBuffer>) => Promise<void>} use runs what was taught
 */

/** Wires the panel up; returns who takes the frames that are filmed. @param {Page} page */
export function panel(page) {
  /** @type {Promise<Teacher | null> | null} */
  let teacher = null;
  /** @type {Teacher | null} */
  let filming = null;
  /** @type {File | null} */
  let taught = null;
  const name = /** @type {HTMLInputElement} */ (find("teach-name"));
  const details = /** @type {HTMLDetailsElement} */ (find("teach"));
  const say = (/** @type {string} */ text) => set(find("teach-line"), text);
  const button = (/** @type {string} */ id) => /** @type {HTMLButtonElement} */ (find(id));

  const ready = () => {
    teacher ??= page.base().then((base) => (base ? Teacher.load(base.data, base.manifest) : null));
    return teacher;
  };

  async function refresh() {
    const known = await teacher?.catch(() => null);
    const canFilm = details.open && page.isWatching() && Boolean(known);
    button("teach-action").disabled = !canFilm || !name.value.trim();
    button("teach-background").disabled = !canFilm;
    button("teach-fit").disabled = !known || Boolean(lack(known.examples));
    find("examples").replaceChildren(...(known?.examples ?? []).map((example) => {
      const item = document.createElement("li"), text = document.createElement("span");
      const remove = document.createElement("button");
      text.dir = "auto";
      text.textContent = `${example.label || "nothing"}, ${example.times.length} frames`;
      remove.textContent = "Remove";
      remove.setAttribute("aria-label", `Remove ${text.textContent}`);
      remove.onclick = () => known?.remove(example).then(refresh, (error) => say(String(error)));
      item.append(text, remove);
      return item;
    }));
    if (!details.open || !known) return;
    say(page.isWatching() ? lack(known.examples) : "Start the camera first.");
  }

  details.ontoggle = async () => {
    if (!details.open) return;
    say("loading …");
    try {
      if (!(await ready())) return say("This model cannot be taught here: choose another in Settings.");
      await refresh();
    } catch (error) {
      teacher = null;
      say(error instanceof Error ? error.message : String(error));
    }
  };
  name.oninput = refresh;

  /** @param {string} id @param {() => string} label */
  function hold(id, label) {
    const held = button(id), words = held.textContent ?? "";
    let timer = 0, isHeld = false;
    const start = async () => {
      if (held.disabled || filming) return;
      isHeld = true;
      const known = await ready();
      await known?.start(label());
      if (!known || !isHeld) return; // the finger has gone meanwhile
      filming = known;
      held.classList.add("holding");
      timer = setInterval(() => set(held, `filming ${known.seconds.toFixed(1)} s`), 100);
    };
    const end = async () => {
      isHeld = false;
      if (!filming || !timer) return;
      const known = filming;
      filming = null;
      clearInterval(timer);
      timer = 0;
      held.classList.remove("holding");
      set(held, words);
      const problem = await known.end();
      await refresh();
      if (problem) say(problem);
    };
    held.onpointerdown = (event) => { held.setPointerCapture(event.pointerId); start(); };
    held.onpointerup = held.onpointercancel = end;
    held.onkeydown = ({ key, repeat }) => { if ((key === " " || key === "Enter") && !repeat) start(); };
    held.onkeyup = end;
    held.oncontextmenu = (event) => event.preventDefault(); // of a long press
  }
  hold("teach-action", () => name.value.trim());
  hold("teach-background", () => "");

  button("teach-fit").onclick = async () => {
    const known = await ready();
    if (!known) return;
    button("teach-fit").disabled = true;
    say("teaching …");
    try {
      const lesson = await known.learn();
      const title = lesson.labels.join("-").replace(/[^\p{L}\p{N}-]+/gu, "-").slice(0, 40) || "taught";
      const data = known.file(lesson, title);
      taught = new File([data], `${title}.tflite`);
      await page.use(title, data);
      find("teach-download").hidden = false;
      say(inWords(lesson));
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    button("teach-fit").disabled = false;
  };

  find("teach-download").onclick = () => { if (taught) share(taught); };

  return {
    refresh,
    /** Whether frames go to the teacher now, and not to the watch. */
    isFilming: () => filming !== null,
    /** @param {import("../watch/watch.js").Frame} frame */
    take: async (frame) => filming?.take(frame),
    /** Another model runs: it is not the one that is taught, unless it came of it. */
    async forget() {
      const known = await teacher?.catch(() => null);
      teacher = null;
      known?.close();
      await refresh();
    },
  };
}

/** @param {import("./choosing.js").TeachingResult} lesson */
function inWords({ labels, judgements }) {
  if (!judgements.length) {
    return `It runs now. With one example of ${labels[0]} nothing could be measured: film more.`;
  }
  const words = judgements.map(({ label, shown, found, wrong, hours }) =>
    `${label}: ${found} of ${shown} found, ${wrong} false in ${Math.round(hours * 3600)} s`);
  return `It runs now. Tried on examples that were held out: ${words.join("; ")}.`;
}
