"""Frames per second of `emopipe live --headless` on one core, and the cost of each step.

`python benchmarks/live.py` after `dvc repro`; `--yunet FILE` measures that detector too. The clip is 640x480 with
two moving drawn faces. Times are CPU times (`time.process_time`), which other load hardly changes; wall times are
printed beside them.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from emopipe.inference.live import track
from emopipe.inference.model import open_recogniser
from emopipe.inference.video import VideoFile
from emopipe.ingest.sample.generate import draw_faces
from emopipe.vision.centerface import CenterFace
from emopipe.vision.yunet import YuNet

NUM_FRAMES, SIDE, LONGEST = 200, 96, 320
FOUND = [1, 4]  # faces of this seed and size with a high detector score


def main() -> None:
    """Print a line per detector, and one per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="exports")
    parser.add_argument("--yunet", type=Path)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip)
        for yunet in [None, options.yunet] if options.yunet else [None]:
            measure(clip, options.model, yunet)


def write_clip(path: Path) -> None:
    """Two faces that move back and forth."""
    faces = draw_faces(["angry", "disgust", "fear", "happy", "sad"], size=SIDE, seed=0)[FOUND]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (640, 480))
    for frame in range(NUM_FRAMES):
        picture = np.full((480, 640, 3), 127, np.uint8)
        for number, face in enumerate(faces):
            left = 60 + 280 * number + abs(frame % 100 - 50)
            picture[120 : 120 + SIDE, left : left + SIDE] = face
        writer.write(picture)
    writer.release()


def measure(clip: Path, model: str, yunet: Path | None) -> None:
    """The whole loop, then its steps on the same frames."""
    recogniser = open_recogniser(model, yunet=yunet, longest=LONGEST, uncertain_below=0.5, num_threads=1)
    track(list(VideoFile(clip))[:5], recogniser, viewer=None, log=None)  # warm
    began = time.process_time()
    totals = track(VideoFile(clip), recogniser, viewer=None, log=None)
    spent = time.process_time() - began
    name = "YuNet" if yunet else "CenterFace"
    print(
        f"{name} at {LONGEST}: {totals.num_frames / spent:.1f} frames per second of one core "
        f"({totals.num_frames / totals.seconds:.1f} wall time), {totals.num_faces} faces"
    )
    images = [frame.image for frame in VideoFile(clip)]
    detector = YuNet(yunet, longest=LONGEST) if yunet else CenterFace(longest=LONGEST, num_threads=1)
    crops = recogniser.detect(images[0])
    print(f"  read    {per_call(lambda: [*VideoFile(clip)], 1) / NUM_FRAMES:6.2f} ms a frame")
    print(f"  detect  {per_call(lambda: detector.detect(images[0]), 50):6.2f} ms a frame")
    spent = per_call(lambda: recogniser.classify(crops[:1]), 200)
    print(f"  classify{spent:6.2f} ms a face of {crops[0].pixels.shape[0]} pixels")


def per_call(call: Callable[[], object], times: int) -> float:
    """Mean CPU time in milliseconds."""
    call()
    began = time.process_time()
    for _ in range(times):
        call()
    return 1000 * (time.process_time() - began) / times


if __name__ == "__main__":
    main()
