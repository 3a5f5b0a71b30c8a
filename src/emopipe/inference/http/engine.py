"""From uploads to faces: the work of the service, many pictures at a time.

Shapes: H, W height and width of a picture, S side of a crop, C channels of the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emopipe.core.errors import DataError
from emopipe.faces.decode import decode_image
from emopipe.inference.http.limits import Limits
from emopipe.inference.recogniser import Face, Recogniser
from emopipe.vision.crops import FaceCrop

PIXELS_TOGETHER = 2_000_000
"""Crops go through the model together up to so many pixels: it needs some 20 bytes for each."""
START_OF_SCAN = b"\xff\xda"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What a client sent."""

    content: bytes
    """An encoded picture."""
    is_face: bool
    """The picture is a face already: no detector runs."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is found in a picture."""

    width: int
    height: int
    faces: tuple[Face, ...]


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A picture whose faces are cut out and not yet classified."""

    width: int
    height: int
    crops: tuple[FaceCrop, ...]


class Engine:
    """Decodes, detects and classifies; it is used from one thread."""

    def __init__(self, recogniser: Recogniser, limits: Limits) -> None:
        """`recogniser` does the work, within `limits`."""
        self.recogniser, self._limits = recogniser, limits

    def work(self, uploads: Sequence[Upload]) -> list[Answer | DataError]:
        """An answer for each upload, or why there is none."""
        opened = [self._open(upload) for upload in uploads]
        crops = [crop for one in opened if isinstance(one, _Opened) for crop in one.crops]
        shown = iter(self._classify([crop.pixels for crop in crops]))
        return [self._answer(one, shown) if isinstance(one, _Opened) else one for one in opened]

    def _answer(self, opened: _Opened, shown: Iterator[np.ndarray]) -> Answer:
        """Takes from `shown` one row of probabilities for each of its crops."""
        probabilities = np.array([next(shown) for _ in opened.crops])
        faces = tuple(self.recogniser.read(opened.crops, probabilities))
        return Answer(width=opened.width, height=opened.height, faces=faces)

    def _open(self, upload: Upload) -> _Opened | DataError:
        limits = self._limits
        num_scans = upload.content.count(START_OF_SCAN) if upload.content.startswith(b"\xff\xd8") else 0
        if num_scans > limits.max_scans:
            return DataError(f"{num_scans} scans in a JPEG are more than the limit of {limits.max_scans}")
        channels = self.recogniser.channels if upload.is_face else 3
        try:
            image = decode_image(upload.content, channels=channels, max_pixels=limits.max_pixels)
        except DataError as error:
            return error
        height, width = image.shape[:2]
        if upload.is_face:
            whole = FaceCrop(box=(0.0, 0.0, float(width), float(height)), score=1.0, pixels=image)
            return _Opened(width=width, height=height, crops=(whole,))
        # Copies: a crop is a view, and would keep the whole picture in memory until all others are decoded.
        crops = tuple(replace(crop, pixels=crop.pixels.copy()) for crop in self.recogniser.detect(image))
        return _Opened(width=width, height=height, crops=crops)

    def _classify(self, crops: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """A row of probabilities for each crop (S, S, C), in their order."""
        together: list[np.ndarray] = []
        for crop in crops:
            if together and sum(map(_num_pixels, together)) + _num_pixels(crop) > PIXELS_TOGETHER:
                yield from self.recogniser.classify(together)
                together = []
            together.append(crop)
        yield from self.recogniser.classify(together)


def _num_pixels(image: np.ndarray) -> int:
    return int(image.shape[0] * image.shape[1])
