// What this browser can do, and which of LiteRT's files suits it.

// (module (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat
//   i8x16.relaxed_swizzle)) and the same with i8x16.splat alone.
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0,
  65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 1,
  253, 15, 11];

/** @param {number[]} bytes */
const validates = (bytes) => {
  try {
    return WebAssembly.validate(new Uint8Array(bytes));
  } catch {
    return false; // no WebAssembly at all
  }
};

/** What this browser can do that matters for speed. */
export function support() {
  return {
    simd: validates(SIMD),
    relaxedSimd: validates(RELAXED),
    threads: typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated,
    cores: navigator.hardwareConcurrency ?? 1,
  };
}

/** The file of LiteRT.js that suits; one thread, which is enough for five frames a second. */
export const runtimeFile = () =>
  support().relaxedSimd ? "litert_wasm_internal" : "litert_wasm_compat_internal";

/** The same for a person. */
export function supportInWords() {
  const { simd, relaxedSimd, threads, cores } = support();
  const vector = relaxedSimd ? "relaxed SIMD" : simd ? "SIMD" : "no SIMD: steps take several times as long";
  return `One of ${cores} cores, ${vector}${threads ? "; threads could be had" : ""}.`;
}

/** Why this browser cannot run the page at all; empty when it can. */
export function shortcoming() {
  if (typeof WebAssembly === "undefined" || typeof OffscreenCanvas === "undefined") {
    return "This browser is too old to run a model: update it, or use a newer one " +
      "(Chrome 69, Firefox 114, Safari 16.4 or later).";
  }
  return "";
}
