// Keeps the page, so that it starts without a network. The page's models are kept by store.js.

const worker = /** @type {any} */ (self);
worker.importScripts("files.js"); // self.SITE = {version, files}, written when the site was built

/** @type {{version: string, files: string[]}} */
const { version, files } = worker.SITE;
const CACHE = `edgevid-page-${version}`;

worker.addEventListener("install", (/** @type {any} */ event) => {
  event.waitUntil(
    caches.open(CACHE)
      .then((cache) => cache.addAll(["./", ...files].map((file) => new Request(file, { cache: "no-cache" }))))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(tidy().then(() => worker.clients.claim()));
});

async function tidy() {
  for (const name of await caches.keys()) {
    if (name.startsWith("edgevid-page-") && name !== CACHE) await caches.delete(name);
  }
}

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  const isModel = pathname.endsWith(".tflite");
  if (request.method !== "GET" || origin !== worker.location.origin || isModel) return;
  event.respondWith(pathname.endsWith("/models.json") ? newest(request) : kept(request));
});

/** The list of models: the newest there is. @param {Request} request */
async function newest(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const known = await cache.match(request);
    if (known) return known;
    throw error;
  }
}

/** Anything else of the site: as it was when this version came. @param {Request} request */
async function kept(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    try {
      await cache.put(request, answer.clone());
    } catch {
      // The phone's storage is full: it works as long as there is a network.
    }
  }
  return answer;
}

// On the first visit the page loads LiteRT.js before this worker is there: it asks to keep it.
worker.addEventListener("message", (/** @type {any} */ event) => {
  event.waitUntil(keep(event.data.keep));
});

/** @param {string[]} addresses */
async function keep(addresses) {
  const cache = await caches.open(CACHE);
  for (const address of addresses) {
    if (!(await cache.match(address))) await cache.add(address).catch(() => {});
  }
}
