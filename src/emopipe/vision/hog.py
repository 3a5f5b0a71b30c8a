"""Histograms of oriented gradients (HOG; Dalal & Triggs 2005): features of faces for linear models.

Shapes: N images, H height, W width, C channels, S side, G cells along a side, B orientation bins, F features.
"""

from collections.abc import Iterable
from itertools import islice

import cv2
import numpy as np

from emopipe.vision.image_stats import grey

SIDE, CELL = 48, 6
"""Side S to which images are resized, and side of a cell, in pixels."""
ORIENTATIONS = 9
"""Orientation bins B of a cell, over a half turn."""
_CLIP = 0.2  # of a block's unit norm (L2-Hys), so that no single edge dominates
_EPSILON = 1e-4
_BATCH = 1024
NUM_FEATURES = (SIDE // CELL - 1) ** 2 * 4 * ORIENTATIONS
"""F."""


def describe(images: Iterable[np.ndarray]) -> np.ndarray:
    """HOG features of images, uint8 (H, W, C) of any sizes: float16 (N, F), half precision to save memory."""
    small = (cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for pixels in images)
    parts = [np.zeros((0, NUM_FEATURES), np.float16)]
    while batch := list(islice(small, _BATCH)):
        parts.append(_features(np.stack(batch)).astype(np.float16))
    return np.concatenate(parts)


def _features(images: np.ndarray) -> np.ndarray:
    """Features of grey images, uint8 (N, S, S): float32 (N, F)."""
    cells = _cell_histograms(*_gradients(images))  # (N, G, G, B)
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]], axis=3)
    clipped = np.minimum(_normalise(blocks), _CLIP)
    return _normalise(clipped).reshape(len(images), -1)


def _gradients(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude, and orientation in bins from 0 to B, of the gradients after gamma compression; float32 (N, S, S)."""
    light = np.sqrt(images.astype(np.float32) / 255)
    down, right = np.zeros_like(light), np.zeros_like(light)
    down[:, 1:-1] = light[:, 2:] - light[:, :-2]
    right[:, :, 1:-1] = light[:, :, 2:] - light[:, :, :-2]
    return np.hypot(down, right), (np.arctan2(down, right) % np.pi) * (ORIENTATIONS / np.pi)


def _cell_histograms(magnitude: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Magnitudes summed by cell, interpolated between the two nearest orientation bins: float32 (N, G, G, B)."""
    num, side, _ = magnitude.shape
    grid = side // CELL
    index = np.arange(side) // CELL
    cells = np.arange(num)[:, None, None] * grid**2 + (index[:, None] * grid + index)  # (N, S, S)
    lower = np.floor(orientation)
    share = orientation - lower
    histograms = np.zeros(num * grid**2 * ORIENTATIONS)
    for bins, weight in ((lower, 1 - share), (lower + 1, share)):
        slots = cells * ORIENTATIONS + bins.astype(np.int64) % ORIENTATIONS
        histograms += np.bincount(slots.ravel(), (magnitude * weight).ravel(), len(histograms))
    return histograms.reshape(num, grid, grid, ORIENTATIONS).astype(np.float32)


def _normalise(blocks: np.ndarray) -> np.ndarray:
    """Scale to unit norm along the last axis."""
    result: np.ndarray = blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + _EPSILON)
    return result
