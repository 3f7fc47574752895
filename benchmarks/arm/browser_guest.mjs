// Steps a network as the page for phones does, in the engine of a browser: `browser.py` runs it.
//
//   node browser_guest.mjs SITE NETWORK PICTURE LOGITS
//
// The system call umask, which nothing else here makes, marks the beginning and the end of each step
// that counts.

import { readFileSync, writeFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const [site, network, picture, logits] = process.argv.slice(2);
const WARM_UP = 3, COUNTED = 4;
const { umask } = process, log = console.log;

// What LiteRT.js finds in a browser's worker.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = class {};
globalThis.location = { href: "http://localhost/" };
globalThis.process = undefined;
globalThis.importScripts = (file) => runInThisContext(readFileSync(file, "utf8"));
globalThis.Module = {
  locateFile: (file) => file,
  instantiateWasm(imports, done) {
    const module = new WebAssembly.Module(readFileSync(`${site}/vendor/wasm/litert_wasm_internal.wasm`));
    done(new WebAssembly.Instance(module, imports), module);
    return {};
  },
};
console.log = console.warn = console.info = console.debug = () => {};

const { loadLiteRt } = await import(`${site}/vendor/litert.js`);
const { Network } = await import(`${site}/model/network.js`);
await loadLiteRt(`${site}/vendor/wasm/litert_wasm_internal.js`);
const loaded = await Network.load(new Uint8Array(readFileSync(network)));
const pixels = new Uint8Array(readFileSync(picture));
let last;
for (let number = 0; number < WARM_UP + COUNTED; number++) {
  if (number >= WARM_UP) umask(0o22);
  last = await loaded.step(pixels, 1 / (number + 1));
  if (number >= WARM_UP) umask(0o22);
}
writeFileSync(logits, JSON.stringify([...last.logits]));
log("done");
