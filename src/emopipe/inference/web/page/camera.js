/** The camera: asked for, released, and its refusals in words. */

const WANTED = { audio: false, video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } };

const REFUSALS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it in the browser's settings for this site (the icon beside the " +
    "address), then press Start camera again. A photo or a video works without it.",
  NotFoundError: "No camera was found. Connect one and press Start camera again, or open a photo or a video.",
  NotReadableError: "The camera is busy: another program uses it. Close that one, then press Start camera again.",
};

/** Ask for the camera. Rejects with an error whose message can be shown. */
export async function openCamera() {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give the camera only to pages at http://localhost or https. Open this page there.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    throw new Error(REFUSALS[error.name] ?? `The camera did not start (${error.message}).`, { cause: error });
  }
}

/** Whether it looks at the one who looks at it, so that the picture is shown mirrored. */
export const facesUser = (stream) => stream.getVideoTracks()[0].getSettings().facingMode !== "environment";

/** Release the camera: its light goes out. */
export const closeCamera = (stream) => stream.getTracks().forEach((track) => track.stop());
