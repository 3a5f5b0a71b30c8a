"""Predictions for image and video files, one at a time: memory does not grow with their number.

Shapes: H, W height and width of an image, C channels of the model.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from emopipe.core.errors import DataError, TooManyPixels
from emopipe.faces.decode import FILE_FORMATS, IMAGE_SUFFIXES, decode_image
from emopipe.inference.inputs import Input
from emopipe.inference.recogniser import Face, Recogniser, VideoRecogniser, whole_image
from emopipe.inference.video import VideoFile

MAX_PIXELS = 25_000_000
MAX_BYTES = 110_000_000
"""No format needs more for `MAX_PIXELS`."""
BATCH_SIZE, BATCH_VALUES = 64, 4_000_000
"""A batch of crops ends at either: a number of images, or of values."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """An image or a video frame with its faces, or a file that is not readable, with the reason."""

    path: Path
    faces: list[Face] = field(default_factory=list)
    frame: int | None = None
    """Index in the video, from 0."""
    seconds: float | None = None
    """Time in the video."""
    rate: float = 0.0
    """Frames per second of the video."""
    error: str | None = None
    image: np.ndarray | None = field(default=None, repr=False)
    """uint8 (H, W, 3); for a crop (H, W, C)."""


def recognise_files(inputs: Iterable[Input], recogniser: Recogniser) -> Iterator[Result]:
    """Detect and classify the faces of images and videos, in their order."""
    for item in inputs:
        if item.kind == "video":
            yield from _recognise_video(item.path, recogniser)
        else:
            result = _load(item, channels=3)
            yield result if result.image is None else replace(result, faces=recogniser.recognise(result.image))


def classify_files(inputs: Iterable[Input], recogniser: Recogniser) -> Iterator[Result]:
    """Classify images of one face each, in batches, in their order."""
    batch: list[Result] = []
    num_values = 0
    for item in inputs:
        batch.append(result := _load(item, channels=recogniser.channels))
        num_values += 0 if result.image is None else result.image.size
        if len(batch) == BATCH_SIZE or num_values >= BATCH_VALUES:
            yield from _classify_batch(batch, recogniser)
            batch, num_values = [], 0
    yield from _classify_batch(batch, recogniser)


def _classify_batch(batch: list[Result], recogniser: Recogniser) -> Iterator[Result]:
    faces = iter(recogniser.classify([whole_image(result.image) for result in batch if result.image is not None]))
    for result in batch:
        yield result if result.image is None else replace(result, faces=[next(faces)])


def _recognise_video(path: Path, recogniser: Recogniser) -> Iterator[Result]:
    video_recogniser = VideoRecogniser(recogniser)
    try:
        video = VideoFile(path)
        for frame in video:
            yield Result(
                path=path,
                faces=video_recogniser.recognise(frame.image, frame.seconds),
                frame=frame.index,
                seconds=frame.seconds,
                rate=video.rate,
                image=frame.image,
            )
    except DataError as error:
        yield Result(path=path, error=str(error))


def _load(item: Input, *, channels: int) -> Result:
    """A result with the image, uint8 (H, W, C), or the error."""
    if item.kind == "video":
        return Result(path=item.path, error="expected an image of one face, got a video")
    try:
        with item.path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return Result(path=item.path, error=f"more bytes than the limit of {MAX_BYTES}")
        return Result(
            path=item.path, image=decode_image(content, channels=channels, max_pixels=MAX_PIXELS, formats=FILE_FORMATS)
        )
    except TooManyPixels as error:
        return Result(path=item.path, error=str(error))
    except DataError as error:
        suffix = item.path.suffix.lower()
        remark = "" if suffix in IMAGE_SUFFIXES else ", and are no known video"
        return Result(path=item.path, error=f"{error}{remark}")
    except OSError as error:
        return Result(path=item.path, error=error.strerror or "not readable")
