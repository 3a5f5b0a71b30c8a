"""Reading and writing video files.

Shapes: H, W height and width of a frame.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from emopipe.core.errors import DataError

MIN_READABLE = 0.9
"""A file with a smaller share of readable frames is damaged; the declared number of frames is an estimate."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of a video or a camera."""

    index: int
    """From 0; dropped frames of a camera count."""
    seconds: float
    """Since the start."""
    image: np.ndarray
    """uint8 RGB (H, W, 3)."""


class VideoFile:
    """The frames of a video, to iterate over once.

    rate: frames per second, as declared.
    """

    def __init__(self, path: Path) -> None:
        """Raises `DataError` if OpenCV cannot read `path`."""
        if not path.is_file():
            raise DataError("No such file or directory")
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise DataError("OpenCV does not read it as a video")
        self.rate: float = self._capture.get(cv2.CAP_PROP_FPS) or 25.0

    def __iter__(self) -> Iterator[Frame]:
        """Raises `DataError` after the last readable frame if the file declares many more."""
        index, declared = 0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        try:
            while True:
                success, image = self._capture.read()
                if not success:
                    break
                seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if index and seconds <= 0:  # the container has no timestamps
                    seconds = index / self.rate
                yield Frame(index=index, seconds=seconds, image=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
                index += 1
        finally:
            self._capture.release()
        if index < MIN_READABLE * declared or not index:
            raise DataError(f"it ends early: {index} of {declared} frames are readable")


class VideoWriter(AbstractContextManager["VideoWriter"]):
    """An MP4 file of `rate` frames per second, which appears when it is complete.

    Frames carry their times: those of a slow source are repeated, surplus ones dropped, so it plays in real time.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Nothing is written before the first frame."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._rate, self._num_frames, self._start = path, rate, 0, 0.0
        self._folder = TemporaryDirectory(dir=path.parent, prefix=".")
        self._part = Path(self._folder.name) / "video.mp4"
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, image: np.ndarray, seconds: float) -> None:
        """Write uint8 RGB (H, W, 3), resized to the first frame. Raises `DataError` if OpenCV has no encoder."""
        if self._writer is None:
            self._size, self._start = (image.shape[1], image.shape[0]), seconds
            self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*"mp4v"), self._rate, self._size)
            if not self._writer.isOpened():
                raise DataError(f"{self.path} cannot be written as MP4: this OpenCV has no encoder for it")
        frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        num_due = round((seconds - self._start) * self._rate) + 1
        for _ in range(self._num_frames, num_due):
            self._writer.write(frame)
        self._num_frames = max(self._num_frames, num_due)

    def close(self, *, keep: bool = True) -> None:
        """Finish the file, or discard it."""
        if self._writer is not None:
            self._writer.release()
            if keep:
                self._part.replace(self.path)
        self._folder.cleanup()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(keep=kind is None)
