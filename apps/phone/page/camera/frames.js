// The frames of a video element: a camera's, or a file's.

/** @typedef {import("../watch/watch.js").Frame} Frame */

/**
 * Gives each frame that comes while nobody is busy with the last one, so that none waits.
 * @param {HTMLVideoElement} video
 * @param {boolean} isLive of a camera: its time is the time of capture; of a file the file's own
 * @param {(frame: Frame) => Promise<void>} take
 * @returns {{stop: () => void, seen: () => number}}
 */
export function frames(video, isLive, take) {
  let stopped = false, isBusy = false, index = 0, latest = -Infinity;
  /** @param {number} now @param {any} [about] */
  const next = (now, about) => {
    if (stopped) return;
    const number = index++;
    if (!isBusy && video.readyState >= video.HAVE_CURRENT_DATA) {
      isBusy = true;
      // A camera's time only goes on, even where the browser tells the time of capture now and then.
      const timestamp = isLive
        ? Math.max((about?.captureTime ?? now) / 1000, latest + 0.001)
        : about?.mediaTime ?? video.currentTime;
      latest = timestamp;
      take({ timestamp, index: number, picture: () => createImageBitmap(video) })
        .finally(() => { isBusy = false; });
    }
    ask();
  };
  const ask = () => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  ask();
  return { stop: () => { stopped = true; }, seen: () => index };
}
