/** The camera: opening, releasing, and error messages. */

const WANTED = { audio: false, video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } };

const REFUSALS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it in the browser's settings for this site (the icon beside the " +
    "address), then press Start camera again. A photo or a video works without it.",
  NotFoundError: "No camera was found. Connect one and press Start camera again, or open a photo or a video.",
  NotReadableError: "The camera is busy: another program uses it. Close that one, then press Start camera again.",
};

/** Open the camera. Rejects with an error message for the user. */
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

/** Whether it faces the user; then the image is mirrored. */
export const facesUser = (stream) => stream.getVideoTracks()[0].getSettings().facingMode !== "environment";

/** Release the camera, which turns its light off. */
export const closeCamera = (stream) => stream.getTracks().forEach((track) => track.stop());
