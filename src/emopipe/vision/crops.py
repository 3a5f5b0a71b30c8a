"""From a photograph to square pictures of its faces, as the classifier was taught with.

Shapes: H, W height and width of the photograph, S side of a crop, N faces.
"""

from dataclasses import dataclass

import numpy as np

from emopipe.vision.detector import Detector

MARGIN = 1.1
"""Side of a crop, as a multiple of the longer side of the face's box."""


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    """One face, cut out."""

    box: tuple[float, float, float, float]
    """The face itself: left, top, right, bottom, in pixels of the photograph."""
    score: float
    """How sure the detector is, in 0 to 1."""
    pixels: np.ndarray
    """uint8 RGB (S, S, 3): a view into the photograph."""


def crop_faces(image: np.ndarray, detector: Detector) -> list[FaceCrop]:
    """Find and cut out the faces of uint8 RGB (H, W, 3), the surest first."""
    found = detector.detect(image)
    return [
        FaceCrop(box=tuple(box), score=score, pixels=square_around(image, box))
        for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
    ]


def square_around(image: np.ndarray, box: tuple[float, float, float, float] | list[float]) -> np.ndarray:
    """The square of `MARGIN` times the box, around its middle: (S, S, 3).

    Where it would leave the photograph it is moved inside, and made smaller if it still does not fit: nothing is
    made up at the edges.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box
    side = max(1, min(_nearest(MARGIN * max(right - left, bottom - top)), height, width))
    x = min(max(_nearest((left + right - side) / 2), 0), width - side)
    y = min(max(_nearest((top + bottom - side) / 2), 0), height - side)
    return image[y : y + side, x : x + side]


def _nearest(value: float) -> int:
    """Halves go up, as in browsers."""
    return int(np.floor(value + 0.5))
