// A snippet of what the camera sees, with the labels in the picture, until it is stopped.

const LONGEST_S = 60;
const KINDS = ["video/mp4;codecs=avc1.42E01E", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** Whether this browser can record at all. */
export const canRecord = () => typeof MediaRecorder !== "undefined" && kind() !== undefined;

const kind = () => KINDS.find((one) => MediaRecorder.isTypeSupported(one));

/**
 * Records a video element with a text in each picture.
 * @param {HTMLVideoElement} video
 * @param {() => string} text
 * @param {(seconds: number) => void} tell how long it is, now and then
 * @returns {{done: Promise<File>, stop: () => void}}
 */
export function record(video, text, tell) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: kind() });
  /** @type {Blob[]} */
  const parts = [];
  const began = performance.now();
  let timer = 0;
  const draw = () => {
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    label(context, text());
    const seconds = (performance.now() - began) / 1000;
    tell(seconds);
    if (seconds > LONGEST_S) stop();
  };
  const stop = () => {
    clearInterval(timer);
    if (recorder.state !== "inactive") recorder.stop();
  };
  const done = new Promise((resolve, reject) => {
    recorder.ondataavailable = ({ data }) => { if (data.size) parts.push(data); };
    recorder.onerror = () => reject(new Error("The snippet could not be recorded."));
    recorder.onstop = () => {
      const type = recorder.mimeType.split(";")[0];
      const ending = type.endsWith("mp4") ? "mp4" : "webm";
      resolve(new File(parts, `edgevid-${stamp()}.${ending}`, { type }));
    };
  });
  draw();
  recorder.start(1000);
  timer = setInterval(draw, 1000 / 15);
  return { done, stop };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 */
function label(context, text) {
  if (!text) return;
  const size = Math.max(14, Math.round(context.canvas.height / 18));
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = Math.min(context.measureText(text).width, context.canvas.width - 2 * size);
  context.fillStyle = "#16211f";
  context.fillRect(size / 2, context.canvas.height - 2 * size, width + size, 1.5 * size);
  context.fillStyle = "#ffffff";
  context.fillText(text, size, context.canvas.height - size * 0.9, width);
}

/** The time, as a part of a file's name. */
export function stamp() {
  return new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
}
