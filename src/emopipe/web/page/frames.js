/** The frames of a video, always the newest: those that pass while the last one is worked on are skipped. */

/** Yields an ImageBitmap for each; ends when `signal` aborts. */
export async function* newestFrames(video, signal) {
  while (!signal.aborted) {
    const at = await nextFrame(video, signal);
    if (signal.aborted || !video.videoWidth) continue;
    yield { bitmap: await createImageBitmap(video), at };
  }
}

/** Resolves with the time in seconds within the video when it shows a new frame, or when `signal` aborts. */
function nextFrame(video, signal) {
  return new Promise((resolve) => {
    const handle = video.requestVideoFrameCallback((_, { mediaTime }) => {
      signal.removeEventListener("abort", cancel);
      resolve(mediaTime);
    });
    const cancel = () => {
      video.cancelVideoFrameCallback(handle);
      resolve(null);
    };
    signal.addEventListener("abort", cancel, { once: true });
  });
}
