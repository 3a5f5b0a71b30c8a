/** The frames of a video, always the newest: frames during processing are dropped. */

/** Yields an ImageBitmap for each, `at` its second in the video; ends when `signal` aborts. */
export async function* newestFrames(video, signal) {
  const ticker = new Ticker(video, signal);
  while (!signal.aborted) {
    const at = await ticker.next();
    if (signal.aborted) return;
    yield { bitmap: await createImageBitmap(video), at };
  }
}

/** Resolves when there is a new frame; at once if one is waiting. */
class Ticker {
  constructor(video, signal) {
    this.latest = null;
    this.wake = () => {};
    const note = (_, { mediaTime }) => {
      if (signal.aborted) return;
      this.latest = mediaTime;
      this.wake();
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    signal.addEventListener("abort", () => this.wake(), { once: true });
  }

  async next() {
    if (this.latest === null) await new Promise((resolve) => (this.wake = resolve));
    const at = this.latest;
    this.latest = null;
    return at;
  }
}
