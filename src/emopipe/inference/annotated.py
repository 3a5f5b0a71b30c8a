"""Copies of images and videos with their faces annotated."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import numpy as np

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import ParamsError
from emopipe.faces.decode import IMAGE_SUFFIXES
from emopipe.inference.overlay import draw_faces
from emopipe.inference.results import Result
from emopipe.inference.video import VideoWriter


class Annotator(AbstractContextManager["Annotator"]):
    """Writes each result with its faces drawn in, under its path relative to the working folder, below `folder`."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        """`classes`: names of the model's classes."""
        self._folder, self._classes = folder, classes
        self._video: VideoWriter | None = None

    def add(self, result: Result) -> None:
        """Write an image, or the next frame of a video; nothing if the file was not readable."""
        if not result.frame:  # an image, or the first frame of a video
            self._close_video()
        if result.image is None:
            return
        drawn = draw_faces(result.image, result.faces, self._classes)
        if result.seconds is None:
            self._write_image(result.path, drawn)
        else:
            if self._video is None:
                self._video = VideoWriter(self._target(result.path, {".mp4"}, ".mp4"), result.rate)
            self._video.add(drawn, result.seconds)

    def _write_image(self, source: Path, drawn: np.ndarray) -> None:
        target = self._target(source, IMAGE_SUFFIXES, ".png")
        success, content = cv2.imencode(target.suffix, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        assert success, f"OpenCV does not write {target.suffix}"
        with atomic_path(target) as temporary:
            temporary.write_bytes(content.tobytes())

    def _target(self, source: Path, suffixes: set[str] | frozenset[str], suffix: str) -> Path:
        """The path below the folder; a file outside the working folder keeps its absolute path. `suffix` is appended
        if the path has none of `suffixes`.
        """
        absolute, here = Path(os.path.abspath(source)), Path.cwd()  # noqa: PTH100 (links are kept)
        target = self._folder / absolute.relative_to(here if absolute.is_relative_to(here) else absolute.anchor)
        target = target if target.suffix.lower() in suffixes else target.with_name(target.name + suffix)
        if target.resolve() == source.resolve():
            raise ParamsError(f"{target} would be overwritten: expected another folder for --annotate")
        return target

    def _close_video(self, *, keep: bool = True) -> None:
        if self._video is not None:
            self._video.close(keep=keep)
            self._video = None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close_video(keep=kind is None)
