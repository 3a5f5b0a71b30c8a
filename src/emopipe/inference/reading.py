"""What images and videos show, file by file: nothing is kept, so that their number does not matter.

Shapes: H, W height and width of a picture, C channels of the model.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emopipe.core.errors import DataError
from emopipe.faces.decode import decode_image
from emopipe.inference.frames import VideoFile
from emopipe.inference.inputs import Input
from emopipe.inference.recogniser import Face, Follower, Recogniser

MAX_PIXELS = 25_000_000
MAX_BYTES = 110_000_000
"""More than so many pixels take in any form."""
BATCH, BATCH_VALUES = 64, 4_000_000
"""Crops that go through the model together: at most so many, and no further one after so many bytes of pixels."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One image, or one frame of a video, with its faces; or a file that could not be read, with the reason."""

    path: Path
    faces: list[Face] = field(default_factory=list)
    frame: int | None = None
    """Place in the video, from 0."""
    seconds: float | None = None
    """Time in the video."""
    rate: float = 0.0
    """Frames per second of the video."""
    error: str | None = None
    image: np.ndarray | None = field(default=None, repr=False)
    """uint8 (H, W, 3), or (H, W, C) as the model takes it where it was a crop."""


def read_inputs(inputs: Iterable[Input], recogniser: Recogniser) -> Iterator[Reading]:
    """Find and classify the faces of all images and videos, in their order."""
    for item in inputs:
        if item.kind == "video":
            yield from _read_video(item.path, recogniser)
        else:
            image = _decode(item, channels=3)
            if isinstance(image, Reading):
                yield image
            else:
                yield Reading(path=item.path, faces=recogniser.recognise(image), image=image)


def read_crops(inputs: Iterable[Input], recogniser: Recogniser) -> Iterator[Reading]:
    """Classify images that are faces already, some at a time, in their order."""
    batch: list[tuple[Path, np.ndarray | Reading]] = []
    num_values = 0
    for item in inputs:
        batch.append((item.path, _decode(item, channels=recogniser.channels)))
        num_values += getattr(batch[-1][1], "size", 0)
        if len(batch) == BATCH or num_values >= BATCH_VALUES:
            yield from _classified(batch, recogniser)
            batch, num_values = [], 0
    yield from _classified(batch, recogniser)


def _classified(batch: list[tuple[Path, np.ndarray | Reading]], recogniser: Recogniser) -> Iterator[Reading]:
    shown = iter(recogniser.classify([image for _, image in batch if isinstance(image, np.ndarray)]))
    for path, image in batch:
        if isinstance(image, Reading):
            yield image
        else:
            height, width = image.shape[:2]
            whole = Face(box=(0.0, 0.0, float(width), float(height)), score=1.0, probabilities=next(shown))
            yield Reading(path=path, faces=[whole], image=image)


def _read_video(path: Path, recogniser: Recogniser) -> Iterator[Reading]:
    follower = Follower(recogniser)
    try:
        video = VideoFile(path)
        for frame in video:
            yield Reading(
                path=path,
                faces=follower.recognise(frame.image, frame.seconds),
                frame=frame.index,
                seconds=frame.seconds,
                rate=video.rate,
                image=frame.image,
            )
    except DataError as error:
        yield Reading(path=path, error=str(error))


def _decode(item: Input, *, channels: int) -> np.ndarray | Reading:
    """uint8 (H, W, C), or a reading with the reason why not."""
    if item.kind == "missing":
        return Reading(path=item.path, error="there is no such file")
    if item.kind == "video":
        return Reading(path=item.path, error="expected an image of one face, got a video")
    try:
        with item.path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return Reading(path=item.path, error=f"more bytes than the limit of {MAX_BYTES}")
        return decode_image(content, channels=channels, max_pixels=MAX_PIXELS)
    except DataError as error:
        return Reading(path=item.path, error=str(error))
    except OSError as error:
        return Reading(path=item.path, error=error.strerror or "not readable")
