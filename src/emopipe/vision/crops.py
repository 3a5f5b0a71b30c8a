"""Square crops of the faces in a photograph, as the classifier is trained on.

Shapes: H, W height and width of the photograph, S side of a crop, N faces.
"""

from dataclasses import dataclass

import numpy as np

from emopipe.vision.detector import Detector

MARGIN = 1.1
"""Side of a crop, as a multiple of the longer side of the face's box."""


@dataclass(frozen=True, kw_only=True)
class FaceCrop:
    """One detected face."""

    box: tuple[float, float, float, float]
    """Of the face itself: left, top, right, bottom, in pixels of the photograph."""
    score: float
    """Of the detector, in 0 to 1."""
    pixels: np.ndarray
    """uint8 RGB (S, S, 3): a view into the photograph."""


def crop_faces(image: np.ndarray, detector: Detector) -> list[FaceCrop]:
    """Detect and crop the faces of uint8 RGB (H, W, 3), by descending score."""
    detections = detector.detect(image)
    return [
        FaceCrop(box=tuple(box), score=score, pixels=square_around(image, box))
        for box, score in zip(detections.boxes.tolist(), detections.scores.tolist(), strict=True)
    ]


def square_around(image: np.ndarray, box: tuple[float, float, float, float] | list[float]) -> np.ndarray:
    """The square of `MARGIN` times the box, around its centre: (S, S, 3).

    At an edge of the photograph it is shifted inside, and reduced if it still does not fit: nothing is padded.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box
    side = max(1, min(_round(MARGIN * max(right - left, bottom - top)), height, width))
    x = min(max(_round((left + right - side) / 2), 0), width - side)
    y = min(max(_round((top + bottom - side) / 2), 0), height - side)
    return image[y : y + side, x : x + side]


def _round(value: float) -> int:
    """Round half up, as browsers do."""
    return int(np.floor(value + 0.5))
