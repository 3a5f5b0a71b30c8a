"""What can be measured of each picture by itself: light, contrast, sharpness, and a descriptor to compare it by.

Shapes: N faces, F features of a descriptor, H height, W width, C channels.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

SIDE = 32
"""Pictures are reduced to this side, in pixels, before they are described."""
WAVES = 12
"""Waves along each axis that the descriptor holds, from none."""
_DOWN, _RIGHT = np.mgrid[:WAVES, :WAVES]
_KEPT = (_DOWN + _RIGHT) > 0
_WEIGHTS = np.hypot(_DOWN, _RIGHT)
MIRROR = np.where(_RIGHT % 2, -1, 1)[_KEPT].astype(np.float32)
"""Signs, float32 (F,), that turn the descriptor of a picture into that of its mirror image."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Of N faces.

    frame: one row per face: `darkest`, `brightest` (0..255, over all channels), `brightness` (mean, 0..1), `contrast`
    (standard deviation, 0..1), `saturated` (share of values at 0 or 255), `sharpness` (standard deviation of the
    Laplacian at `SIDE` pixels, over the contrast), `entropy` (of the values in 64 steps, in bits, 0..6).
    descriptors: float32 (N, F), of unit length, or 0 for a constant picture.
    """

    frame: pd.DataFrame
    descriptors: np.ndarray


COLUMNS = ("darkest", "brightest", "brightness", "contrast", "saturated", "sharpness", "entropy")
_MEASURED = np.dtype([("row", np.float64, len(COLUMNS)), ("descriptor", np.float32, int(_KEPT.sum()))])


def measure(pictures: Iterable[np.ndarray]) -> Measures:
    """Measure each of the pictures, uint8 (H, W, C)."""
    measured = np.fromiter(map(_measured, pictures), _MEASURED)  # one block: small arrays would leave holes in memory
    frame = pd.DataFrame(measured["row"], columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[:2], np.int64))
    return Measures(frame=frame, descriptors=np.ascontiguousarray(measured["descriptor"]))


def _measured(pixels: np.ndarray) -> tuple[tuple[float, ...], np.ndarray]:
    small = cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return _row(pixels, small), _descriptor(small)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Uint8 (H, W), from (H, W, C)."""
    return pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _row(pixels: np.ndarray, small: np.ndarray) -> tuple[float, ...]:
    levels = np.bincount(pixels.ravel(), minlength=256)
    present = levels.nonzero()[0]
    mean, deviation = (float(value.item()) for value in cv2.meanStdDev(small))
    edges = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_32F))[1].item()
    shares = levels.reshape(64, 4).sum(axis=1) / pixels.size
    shares = shares[shares > 0]
    return (
        int(present[0]),
        int(present[-1]),
        mean / 255,
        deviation / 255,
        float(levels[0] + levels[255]) / pixels.size,
        edges / deviation if deviation > 0 else 0.0,
        float(-(shares * np.log2(shares)).sum()) + 0.0,
    )


def _descriptor(small: np.ndarray) -> np.ndarray:
    """The slowest waves of the picture (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
    Functions", without the step to bits), each weighted by its frequency, so that the slowest do not outweigh the rest.
    """
    waves: np.ndarray = (cv2.dct(small)[:WAVES, :WAVES] * _WEIGHTS)[_KEPT]
    length = float(np.linalg.norm(waves))
    return waves / length if length > 0 else waves
