"""The frames of a video file, all of them and in their order.

Shapes: H, W height and width of a frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emopipe.core.errors import DataError

WHOLE = 0.9
"""A file that gives a smaller share of the frames that it declares is damaged; the declared number is an estimate."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture of a video or a camera."""

    index: int
    """From 0; those of a camera that were passed over are counted."""
    seconds: float
    """Since the start."""
    image: np.ndarray
    """uint8 RGB (H, W, 3)."""


class VideoFile:
    """A video; iterating it, once, gives its frames.

    rate: frames per second, as the file says.
    """

    def __init__(self, path: Path) -> None:
        """Raises `DataError` when OpenCV cannot read `path`."""
        if not path.is_file():
            raise DataError("there is no such file")
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise DataError("OpenCV does not read it as a video")
        self.rate: float = self._capture.get(cv2.CAP_PROP_FPS) or 25.0

    def __iter__(self) -> Iterator[Frame]:
        """Raises `DataError` after the last readable frame when the file declares many more."""
        index, declared = 0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        try:
            while True:
                there, image = self._capture.read()
                if not there:
                    break
                seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if index and seconds <= 0:  # the container has no times
                    seconds = index / self.rate
                yield Frame(index=index, seconds=seconds, image=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
                index += 1
        finally:
            self._capture.release()
        if index < WHOLE * declared or not index:
            raise DataError(f"it ends early: {index} of {declared} frames are readable")
