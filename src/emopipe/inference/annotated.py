"""Pictures and videos with their faces drawn in, as files."""

import os
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import cv2
import numpy as np

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import DataError, ParamsError
from emopipe.faces.decode import IMAGE_SUFFIXES
from emopipe.inference.overlay import draw_faces
from emopipe.inference.reading import Reading
from emopipe.inference.recogniser import Recogniser


class VideoWriter(AbstractContextManager["VideoWriter"]):
    """An MP4 file of `rate` frames per second; it appears, complete, when the context ends without an error.

    Frames carry their times: a slow camera's are repeated, a fast one's passed over, so that the video plays as it was.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Nothing is written until the first frame."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._rate, self._num_frames, self._start = path, rate, 0, 0.0
        self._folder = TemporaryDirectory(dir=path.parent, prefix=".")
        self._part = Path(self._folder.name) / "video.mp4"
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, image: np.ndarray, seconds: float) -> None:
        """Write uint8 RGB (H, W, 3); all frames get the size of the first. Raises `DataError` where OpenCV cannot."""
        if self._writer is None:
            self._size, self._start = (image.shape[1], image.shape[0]), seconds
            self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*"mp4v"), self._rate, self._size)
            if not self._writer.isOpened():
                raise DataError(f"{self.path} cannot be written as MP4: this OpenCV has no encoder for it")
        frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        due = round((seconds - self._start) * self._rate) + 1
        for _ in range(self._num_frames, due):
            self._writer.write(frame)
        self._num_frames = max(self._num_frames, due)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            self._writer.release()
            if kind is None:
                self._part.replace(self.path)
        self._folder.cleanup()


class Annotator(AbstractContextManager["Annotator"]):
    """Writes every reading with its faces drawn in below `folder`, under the path that it has from here."""

    def __init__(self, folder: Path, recogniser: Recogniser) -> None:
        """For faces that `recogniser` found."""
        self._folder, self._recogniser = folder, recogniser
        self._opened = ExitStack()
        self._video: VideoWriter | None = None

    def add(self, reading: Reading) -> None:
        """Write an image, or the next frame of a video; nothing where the file was not readable."""
        if not reading.frame:  # the first of a video, or none
            self._opened.close()
            self._video = None
        if reading.image is None:
            return
        drawn = draw_faces(reading.image, reading.faces, self._recogniser)
        if reading.seconds is None:
            self._write_image(reading.path, drawn)
        else:
            if self._video is None:
                target = self._target(reading.path, frozenset({".mp4"}), ".mp4")
                self._video = self._opened.enter_context(VideoWriter(target, reading.rate))
            self._video.add(drawn, reading.seconds)

    def _write_image(self, source: Path, drawn: np.ndarray) -> None:
        target = self._target(source, IMAGE_SUFFIXES, ".png")
        done, content = cv2.imencode(target.suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        assert done, f"OpenCV does not write {target.suffix}"
        with atomic_path(target) as temporary:
            temporary.write_bytes(content.tobytes())

    def _target(self, source: Path, kept: frozenset[str], suffix: str) -> Path:
        """Below the folder: the path from here, or from the root of the file system for files elsewhere."""
        whole, here = Path(os.path.abspath(source)), Path.cwd()  # noqa: PTH100 (links are kept)
        inner = whole.relative_to(here) if whole.is_relative_to(here) else whole.relative_to(whole.anchor)
        target = self._folder / inner
        target = target if target.suffix.lower() in kept else target.with_name(target.name + suffix)
        if target.resolve() == source.resolve():
            raise ParamsError(f"{target} would be written over itself: expected another folder for --annotate")
        return target

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)
