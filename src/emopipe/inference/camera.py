"""Frames of a camera, always the newest one.

Shapes: H, W height and width of a frame.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from emopipe.core.errors import DataError
from emopipe.inference.frames import Frame

DEVICES = Path("/dev")
PATIENCE = 10.0
"""Seconds without a frame after which a camera is given up."""


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def read(self) -> tuple[bool, np.ndarray]:
        """Whether there is a frame, and the frame, uint8 BGR (H, W, 3)."""

    def release(self) -> None:
        """Let the camera go."""


class Camera(AbstractContextManager["Camera"]):
    """A thread reads all the time and keeps the last frame, so that no queue of old ones builds up.

    num_passed_over: frames that came while an earlier one was worked on.
    """

    def __init__(self, capture: Capture) -> None:
        """Begin to read; the camera is let go when the context ends."""
        self._capture = capture
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._ended = False
        self.num_passed_over = 0
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        start, index = time.monotonic(), 0
        while not self._ended:
            try:
                there, image = self._capture.read()
            except cv2.error:  # some drivers raise when the camera is pulled out
                there = False
            with self._changed:
                if not there:
                    self._ended = True
                else:
                    self.num_passed_over += self._newest is not None
                    self._newest = Frame(index=index, seconds=time.monotonic() - start, image=image)
                    index += 1
                self._changed.notify()
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        """The newest frame each time, once; raises `DataError` when the camera gives none any more."""
        while True:
            with self._changed:
                came = self._changed.wait_for(lambda: self._newest is not None or self._ended, PATIENCE)
                frame, self._newest = self._newest, None
            if frame is None:
                reason = "has stopped" if came else f"has given no picture for {PATIENCE:.0f} seconds"
                raise DataError(f"the camera {reason}: look whether it is still connected")
            image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            yield Frame(index=frame.index, seconds=frame.seconds, image=image)

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join(PATIENCE)


def open_camera(number: int) -> Capture:
    """Camera `number`, from 0. Raises `DataError` when there is none, or it gives no picture."""
    capture = cv2.VideoCapture(number)
    if capture.isOpened() and capture.read()[0]:
        return capture
    capture.release()
    raise DataError(why_not(number, DEVICES if sys.platform == "linux" else None))


def why_not(number: int, devices: Path | None) -> str:
    """Why camera `number` does not open, as far as the files in `devices` tell; None where there are none."""
    if devices is None:
        return f"camera {number} does not open: is it connected, not in use, and is this terminal allowed to use it?"
    found = sorted(int(path.name.removeprefix("video")) for path in devices.glob("video[0-9]*"))
    if number not in found:
        others = f"there are {', '.join(map(str, found))}" if found else "this machine has none"
        return f"there is no camera {number} ({others}): name one with --camera, or a video with --source"
    return (
        f"camera {number} gives no picture: close what else uses it, and see that you may read {devices}/video{number}"
    )
