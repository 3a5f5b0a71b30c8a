"""Statistics of single images (brightness, contrast, sharpness, ...), and DCT descriptors by which they are compared.

Shapes: N images, F features of a descriptor, H height, W width, C channels.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

SIDE = 32
"""Side, in pixels, to which images are reduced before sharpness and descriptor are computed."""
FREQUENCIES = 12
"""Lowest DCT frequencies along each axis that the descriptor holds."""
_DOWN, _RIGHT = np.mgrid[:FREQUENCIES, :FREQUENCIES]
_KEPT = (_DOWN + _RIGHT) > 0
_WEIGHTS = np.hypot(_DOWN, _RIGHT)
MIRROR = np.where(_RIGHT % 2, -1, 1)[_KEPT].astype(np.float32)
"""Signs, float32 (F,), that turn the descriptor of an image into that of its mirror image."""


@dataclass(frozen=True, kw_only=True)
class ImageStats:
    """Statistics of N images.

    frame: one row per image: `darkest`, `brightest` (0..255, over all channels), `brightness` (mean, 0..1), `contrast`
    (standard deviation, 0..1), `saturated` (share of values at 0 or 255), `sharpness` (standard deviation of the
    Laplacian at `SIDE` pixels, over the contrast), `entropy` (of the values in 64 bins, in bits, 0..6).
    descriptors: float32 (N, F), of unit norm, or 0 for a constant image.
    """

    frame: pd.DataFrame
    descriptors: np.ndarray


COLUMNS = ("darkest", "brightest", "brightness", "contrast", "saturated", "sharpness", "entropy")
_RECORD = np.dtype([("row", np.float64, len(COLUMNS)), ("descriptor", np.float32, int(_KEPT.sum()))])


def measure(images: Iterable[np.ndarray]) -> ImageStats:
    """Statistics of images, uint8 (H, W, C) of any sizes."""
    records = np.fromiter(map(_record, images), _RECORD)  # one block: many small arrays would fragment memory
    frame = pd.DataFrame(records["row"], columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[:2], np.int64))
    return ImageStats(frame=frame, descriptors=np.ascontiguousarray(records["descriptor"]))


def grey(pixels: np.ndarray) -> np.ndarray:
    """Uint8 (H, W), from (H, W, C)."""
    return pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _record(pixels: np.ndarray) -> tuple[tuple[float, ...], np.ndarray]:
    small = cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return _statistics(pixels, small), _descriptor(small)


def _statistics(pixels: np.ndarray, small: np.ndarray) -> tuple[float, ...]:
    histogram = np.bincount(pixels.ravel(), minlength=256)
    present = histogram.nonzero()[0]
    mean, deviation = (float(value.item()) for value in cv2.meanStdDev(small))
    edges = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_32F))[1].item()
    shares = histogram.reshape(64, 4).sum(axis=1) / pixels.size
    shares = shares[shares > 0]
    return (
        int(present[0]),
        int(present[-1]),
        mean / 255,
        deviation / 255,
        float(histogram[0] + histogram[255]) / pixels.size,
        edges / deviation if deviation > 0 else 0.0,
        float(-(shares * np.log2(shares)).sum()) + 0.0,
    )


def _descriptor(small: np.ndarray) -> np.ndarray:
    """Low DCT frequencies (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", without
    binarisation), each weighted by its frequency, so that the lowest do not dominate.
    """
    coefficients: np.ndarray = (cv2.dct(small)[:FREQUENCIES, :FREQUENCIES] * _WEIGHTS)[_KEPT]
    norm = float(np.linalg.norm(coefficients))
    return coefficients / norm if norm > 0 else coefficients
