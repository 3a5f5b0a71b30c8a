"""What finds faces, behind one small interface.

Shapes: H, W height and width of the picture, N faces.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

MIN_SCORE, MAX_OVERLAP = 0.5, 0.3


@dataclass(frozen=True, kw_only=True)
class Detections:
    """The faces of one picture, the surest first."""

    boxes: np.ndarray
    """float32 (N, 4): left, top, right, bottom, in pixels of the picture, inside it."""
    scores: np.ndarray
    """float32 (N,) in 0 to 1."""

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Protocol):
    """Finds faces."""

    def detect(self, image: np.ndarray) -> Detections:
        """The faces of a picture, uint8 RGB (H, W, 3) of any size."""


def scale_for(height: int, width: int, longest: int) -> float:
    """The factor that makes the longer side `longest` pixels; 1 where it is shorter already."""
    return min(1.0, longest / max(height, width))
