"""The interface of face detectors.

Shapes: H, W height and width of the image, N faces.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

MIN_SCORE, MAX_OVERLAP = 0.5, 0.3


@dataclass(frozen=True, kw_only=True)
class Detections:
    """The faces of one image, by descending score."""

    boxes: np.ndarray
    """float32 (N, 4): left, top, right, bottom, in pixels of the image, clipped to it."""
    scores: np.ndarray
    """float32 (N,) in 0 to 1."""

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Protocol):
    """Detects faces."""

    def detect(self, image: np.ndarray) -> Detections:
        """Detect the faces of an image, uint8 RGB (H, W, 3) of any size."""


def scale_for(height: int, width: int, longest: int) -> float:
    """The factor that makes the longer side `longest` pixels; 1 if it is shorter already."""
    return min(1.0, longest / max(height, width))
