// The site's models, and those that a person has added, kept in the browser's own cache.

import { ModelFileError } from "./model_file.js";

/**
 * @typedef {{file: string, size?: number, sha256?: string}} Stored
 * @typedef {Stored & {name: string, features?: Stored}} Listed features: the same network up to its
 *   features, on which a head is taught
 */

const CACHE = "edgevid-models";
const OWN = "own/"; // of a person's own files; no address of the site begins so
const LARGEST = 200 << 20;

/** The models that there are: the site's, then the person's own. @returns {Promise<Listed[]>} */
export async function listed() {
  const answer = await fetch("models.json").catch(() => null);
  const ofSite = answer?.ok ? await answer.json() : [];
  return [...ofSite, ...(await own())];
}

/** @returns {Promise<Listed[]>} */
async function own() {
  const kept = await (await opened())?.keys() ?? [];
  return kept.map(({ url }) => decodeURIComponent(new URL(url).pathname))
    .filter((path) => path.includes(`/${OWN}`))
    .map((path) => path.slice(path.lastIndexOf("/") + 1))
    .map((name) => ({ name, file: `${OWN}${encodeURIComponent(name)}` }));
}

/**
 * Returns a model's bytes, from the cache where they are there and whole.
 * @param {Listed} model
 * @param {(share: number) => void} progress
 */
export async function fetched({ name, file, size, sha256 }, progress) {
  const cache = await opened();
  const known = await cache?.match(file);
  if (known) {
    const data = new Uint8Array(await known.arrayBuffer());
    if (!sha256 || (await digest(data)) === sha256) return data;
    await cache?.delete(file);
  }
  if (file.startsWith(OWN)) throw new ModelFileError(`${name} is no longer on this phone.`);
  const data = await download(file, size, progress, sha256 ? "no-cache" : "default");
  if (sha256 && (await digest(data)) !== sha256) {
    throw new ModelFileError(`${name} was cut off or changed on its way here: load it again.`);
  }
  await keep(file, data);
  return data;
}

/**
 * Fetches a model from anywhere.
 * @param {string} address
 * @param {number | undefined} size bytes, where that is known
 * @param {(share: number) => void} progress
 * @param {RequestCache} [cache]
 */
export async function download(address, size, progress, cache = "default") {
  let answer;
  try {
    answer = await fetch(address, { cache, credentials: "same-origin" });
  } catch {
    throw new ModelFileError(navigator.onLine
      ? `${address} cannot be fetched: nobody answers there, or that site lets no other page read it.`
      : "There is no network, and this model is not on the phone yet.");
  }
  if (!answer.ok || !answer.body) {
    throw new ModelFileError(`${address} cannot be fetched: the answer was ${answer.status}.`);
  }
  const whole = size ?? Number(answer.headers.get("content-length"));
  const parts = [];
  let length = 0;
  const reader = answer.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
      if (length > LARGEST) throw new ModelFileError("That file is too large to be a model.");
      if (whole > 0) progress(Math.min(1, length / whole));
    }
  } catch (error) {
    if (error instanceof ModelFileError) throw error;
    throw new ModelFileError("The model was cut off on its way here: load it again.");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/**
 * Keeps a person's own model. Returns why it could not; empty when it is kept.
 * @param {string} name
 * @param {Uint8Array<ArrayBuffer>} data
 */
export function keepOwn(name, data) {
  return keep(`${OWN}${encodeURIComponent(name)}`, data);
}

/**
 * @param {string} file
 * @param {Uint8Array<ArrayBuffer>} data
 */
async function keep(file, data) {
  try {
    const cache = await caches.open(CACHE);
    await cache.put(file, new Response(new Blob([data])));
    return "";
  } catch (error) {
    const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
    return isFull
      ? "The phone has no room to keep this model: it runs now, and is fetched again next time."
      : "This browser keeps no files (a private tab?): the model runs now, and is fetched again " +
        "next time.";
  }
}

/** The cache; null where the browser has none, as in some private tabs. */
async function opened() {
  try {
    return await caches.open(CACHE);
  } catch {
    return null;
  }
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function digest(data) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
