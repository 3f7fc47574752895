// The phone's camera: opened, asked what it can do, and its troubles put into words.

/** A camera that cannot be used. The message is a sentence for a person. */
export class CameraError extends Error {}

/**
 * Opens a camera.
 * @param {string} id of the camera; empty for the one on the back
 */
export async function open(id) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError(isSecureContext
      ? "This browser gives pages no camera: use another browser."
      : "Browsers give the camera to secure pages only: open this page by https, or at localhost.");
  }
  const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: id
        ? { ...wanted, deviceId: { exact: id } }
        : { ...wanted, facingMode: { ideal: "environment" } },
    });
  } catch (error) {
    throw new CameraError(said(error));
  }
}

/** @param {unknown} error */
function said(error) {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The camera was refused. Allow it for this page (the sign beside the address, " +
        "or the browser's settings), then tap Start again.";
    case "NotFoundError":
      return "There is no camera here. In Settings you can choose a video instead.";
    case "NotReadableError":
    case "AbortError":
      return "The camera is busy: close the other app that uses it, then tap Start again.";
    case "OverconstrainedError":
      return "That camera is gone: choose another in Settings.";
    default:
      return `The camera does not start: ${error instanceof Error ? error.message : error}`;
  }
}

/** The cameras that there are. Their names are known once one was allowed. */
export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
}

/** Whether the camera has a light that a page may use. @param {MediaStream} stream */
export function hasTorch(stream) {
  const [track] = stream.getVideoTracks();
  return Boolean(/** @type {any} */ (track?.getCapabilities?.())?.torch);
}

/**
 * @param {MediaStream} stream
 * @param {boolean} on
 */
export async function setTorch(stream, on) {
  const [track] = stream.getVideoTracks();
  await track.applyConstraints({ advanced: [/** @type {any} */ ({ torch: on })] });
}

/** Lets go of a camera. @param {MediaStream} stream */
export function close(stream) {
  stream.getTracks().forEach((track) => track.stop());
}
