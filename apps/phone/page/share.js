// Events and snippets leave the phone when a person says so: shared, or saved as a file.

/** @typedef {import("./watch/events.js").Event} Event */

/**
 * Returns events as JSON Lines, as `python -m edgevid.stream --jsonl` writes them, with the time of
 * day besides.
 * @param {{source: string, event: Event, time: Date}[]} events oldest first
 */
export function jsonLines(events) {
  return events.map(({ source, event, time }) => {
    const { state, label, timestamp, probability } = event;
    const line = { type: "event", source, state, label, timestamp, probability };
    return `${JSON.stringify({ ...line, time: time.toISOString() })}\n`;
  }).join("");
}

/**
 * Offers a file to other apps; where that is not possible, saves it.
 * @param {File} file
 */
export async function share(file) {
  const data = { files: [file], title: file.name };
  if (navigator.canShare?.(data)) {
    try {
      return await navigator.share(data);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return; // thought better of it
    }
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
