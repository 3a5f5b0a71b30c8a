"""Frames of a camera, always the newest one."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import cv2

from emopipe.core.errors import DataError
from emopipe.inference.video import Frame

DEVICES = Path("/dev")
TIMEOUT = 10.0
"""Seconds without a frame after which a camera counts as stopped."""


class Camera(AbstractContextManager["Camera"]):
    """A thread reads frames and keeps the newest only, so that no queue of old ones builds up.

    num_dropped: frames that arrived while an earlier one was processed.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        """Start reading; the camera is released when the context ends."""
        self._capture = capture
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._stopped = False
        self.num_dropped = 0
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        start, index = time.monotonic(), 0
        while not self._stopped:
            try:
                success, image = self._capture.read()
            except cv2.error:  # some drivers raise when the camera is unplugged
                success = False
            with self._changed:
                if not success:
                    self._stopped = True
                else:
                    self.num_dropped += self._newest is not None
                    self._newest = Frame(index=index, seconds=time.monotonic() - start, image=image)
                    index += 1
                self._changed.notify()
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        """Each newest frame once; raises `DataError` when the camera stops."""
        while True:
            with self._changed:
                changed = self._changed.wait_for(lambda: self._newest is not None or self._stopped, TIMEOUT)
                frame, self._newest = self._newest, None
            if frame is None:
                reason = "has stopped" if changed else f"gave no frame for {TIMEOUT:.0f} seconds"
                raise DataError(f"the camera {reason}: check its connection")
            image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            yield Frame(index=frame.index, seconds=frame.seconds, image=image)

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join(TIMEOUT)


def open_camera(number: int) -> cv2.VideoCapture:
    """Open camera `number`, from 0. Raises `DataError` if there is none, or it gives no frame."""
    capture = cv2.VideoCapture(number)
    if capture.isOpened() and capture.read()[0]:
        return capture
    capture.release()
    raise DataError(camera_error(number, DEVICES if sys.platform == "linux" else None))


def camera_error(number: int, devices: Path | None) -> str:
    """Why camera `number` does not open, by the device files in `devices`, if there are any."""
    if devices is None:
        return f"camera {number} does not open: check that it is connected, not in use, and allowed for this terminal"
    numbers = sorted(int(path.name.removeprefix("video")) for path in devices.glob("video[0-9]*"))
    if number not in numbers:
        others = f"there are {', '.join(map(str, numbers))}" if numbers else "this machine has none"
        return f"there is no camera {number} ({others}): name one with --camera, or a video with --source"
    return (
        f"camera {number} gives no frame: close other programs that use it, and check access to {devices}/video{number}"
    )
