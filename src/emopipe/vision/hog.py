"""Histograms of oriented gradients (Dalal & Triggs 2005): a description of faces from which a linear model can learn.

Shapes: N pictures, H height, W width, C channels, S side, G cells along a side, B directions, F features.
"""

from collections.abc import Iterable
from itertools import islice

import cv2
import numpy as np

from emopipe.vision.image_stats import grey

SIDE, CELL = 48, 6
"""Pictures are described at this side S, in cells of this side, in pixels."""
DIRECTIONS = 9
"""Directions B of a half turn that each cell counts."""
_CLIP = 0.2  # of a block's unit length, so that no single edge rules
_SMALL = 1e-4
_BATCH = 1024
NUM_FEATURES = (SIDE // CELL - 1) ** 2 * 4 * DIRECTIONS
"""F."""


def describe(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Features of pictures, uint8 (H, W, C) of any sizes: float16 (N, F), so that many faces fit into memory."""
    small = (cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for pixels in pictures)
    parts = [np.zeros((0, NUM_FEATURES), np.float16)]
    while batch := list(islice(small, _BATCH)):
        parts.append(histograms(np.stack(batch)).astype(np.float16))
    return np.concatenate(parts)


def histograms(images: np.ndarray) -> np.ndarray:
    """Describe grey pictures, uint8 (N, S, S): float32 (N, F)."""
    size, directions = _gradients(images)
    cells = _cells(size, directions)  # (N, G, G, B)
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]], axis=3)
    clipped = np.minimum(_unit(blocks), _CLIP)
    return _unit(clipped).reshape(len(images), -1)


def _gradients(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size, and direction in 0 to `DIRECTIONS`, of the gradient of the square root of the light; float32 (N, S, S)."""
    light = np.sqrt(images.astype(np.float32) / 255)
    down, right = np.zeros_like(light), np.zeros_like(light)
    down[:, 1:-1] = light[:, 2:] - light[:, :-2]
    right[:, :, 1:-1] = light[:, :, 2:] - light[:, :, :-2]
    return np.hypot(down, right), (np.arctan2(down, right) % np.pi) * (DIRECTIONS / np.pi)


def _cells(size: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Each pixel's size of gradient, dealt to the two directions that are nearest its own: float32 (N, G, G, B)."""
    num, side, _ = size.shape
    along = side // CELL
    place = np.arange(side) // CELL
    cells = np.arange(num)[:, None, None] * along**2 + (place[:, None] * along + place)  # (N, S, S)
    below = np.floor(directions)
    share = directions - below
    counted = np.zeros(num * along**2 * DIRECTIONS)
    for bins, weight in ((below, 1 - share), (below + 1, share)):
        slots = cells * DIRECTIONS + bins.astype(np.int64) % DIRECTIONS
        counted += np.bincount(slots.ravel(), (size * weight).ravel(), len(counted))
    return counted.reshape(num, along, along, DIRECTIONS).astype(np.float32)


def _unit(blocks: np.ndarray) -> np.ndarray:
    """Of unit length along the last axis."""
    result: np.ndarray = blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + _SMALL)
    return result
