/**
 * Sources: the camera, a video or a photo. A source has `kind`, `name`, `mirrored`, its frames until a signal aborts,
 * `moment()`, the time of the last frame, and `close()`, which releases it.
 */

import { closeCamera, facesUser, openCamera } from "./camera.js";
import { newestFrames } from "./frames.js";

/** Rejects with a message if there is no camera; calls `onLost` when it is disconnected. */
export async function cameraSource(video, onLost) {
  const stream = await openCamera();
  stream.getVideoTracks()[0].onended = onLost;
  const close = () => {
    closeCamera(stream);
    video.srcObject = null;
  };
  video.srcObject = stream;
  video.controls = false;
  await video.play();
  return {
    kind: "camera",
    name: "camera",
    mirrored: facesUser(stream),
    frames: (signal) => newestFrames(video, signal),
    moment: ({ frame, since }) => ({ frame, seconds: since }),
    close,
  };
}

/** A photo, shown on `canvas`, or a video, shown on `video`. Rejects with a message if it is neither. */
export async function fileSource(file, video, canvas) {
  try {
    return file.type.startsWith("video/") ? await videoSource(file, video) : await photoSource(file, canvas);
  } catch (error) {
    throw new Error(`${file.name} is not a photo or a video that this browser can read.`, { cause: error });
  }
}

async function videoSource(file, video) {
  const address = URL.createObjectURL(file);
  const close = () => {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  };
  video.src = address;
  video.controls = true;
  try {
    await video.play();
  } catch (error) {
    close();
    throw error;
  }
  return {
    kind: "video",
    name: file.name,
    mirrored: false,
    frames: (signal) => newestFrames(video, signal),
    moment: ({ frame, at }) => ({ frame, seconds: at }),
    close,
  };
}

async function photoSource(file, canvas) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const close = () => Object.assign(canvas, { width: 1, height: 1 });
  const frames = async function* () {
    yield { bitmap, at: 0 };
  };
  return { kind: "photo", name: file.name, mirrored: false, frames, moment: () => ({}), close };
}
