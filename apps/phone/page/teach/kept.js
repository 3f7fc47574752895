// Examples stay on the phone until a person removes them: their features, in the browser's own
// database. Pictures are not kept.

/** @typedef {import("./frames.js").Example} Example */

const DATABASE = "edgevid-examples", STORE = "examples", NETWORK = "network";

/** The examples of one network. Where a browser keeps nothing, all is as in a page that is closed. */
export class KeptExamples {
  #network;
  #isAsked = false;
  /** @type {WeakMap<Example, IDBValidKey>} */
  #keys = new WeakMap();

  /** @param {string} network which one: its checksum */
  constructor(network) {
    this.#network = network;
  }

  /** @param {Uint8Array<ArrayBuffer>} network up to its features */
  static async of(network) {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", network));
    return new KeptExamples(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }

  /** Returns what was kept, oldest first. @returns {Promise<Example[]>} */
  async all() {
    try {
      const found = await asked("readonly", (store) => store.index(NETWORK).getAll(this.#network));
      return found.map(({ key, label, times, features }) => {
        const example = { label, times, features };
        this.#keys.set(example, key);
        return example;
      });
    } catch {
      return [];
    }
  }

  /** Keeps an example; returns why it could not, empty when it is kept. @param {Example} example */
  async add(example) {
    try {
      const { label, times, features } = example;
      const key = await asked("readwrite",
        (store) => store.add({ [NETWORK]: this.#network, label, times, features }));
      this.#keys.set(example, key);
      this.#persist();
      return "";
    } catch (error) {
      return isFull(error)
        ? "The phone has no room to keep this example: it is gone when the page is closed."
        : "This browser keeps nothing (a private tab?): the example is gone when the page is closed.";
    }
  }

  /** Asks the browser, once, not to clear examples away when it needs room; it may ask the person. */
  #persist() {
    if (!this.#isAsked) navigator.storage?.persist?.().catch(() => {});
    this.#isAsked = true;
  }

  /** @param {Example} example */
  async remove(example) {
    const key = this.#keys.get(example);
    if (key !== undefined) await asked("readwrite", (store) => store.delete(key));
  }
}

/** @param {unknown} error */
const isFull = (error) => error instanceof DOMException && error.name === "QuotaExceededError";

/**
 * Asks the database for one thing, and waits until that is done for good.
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
async function asked(mode, ask) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "key", autoIncrement: true });
      store.createIndex(NETWORK, NETWORK);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
