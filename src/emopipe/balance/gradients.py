"""Histograms of oriented gradients (Dalal & Triggs 2005, "Histograms of Oriented Gradients for Human Detection").

Written out because OpenCV 5 no longer has them in its main modules.
Shapes: M pictures, S side, C channels, G cells along each axis, B bins, F features.
"""

from collections.abc import Iterable

import cv2
import numpy as np

from emopipe.measures import grey

SIDE, CELL, BINS = 48, 8, 9
"""Pictures are described at 48 pixels, in cells of 8, by 9 directions over half a turn."""
_CELLS = SIDE // CELL
_CHUNK = 1024


def oriented_gradients(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Of uint8 (S, S, C) each, float32 (M, F): blocks of 2x2 cells, each of unit length."""
    small = [cv2.resize(grey(picture), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
    parts = [_describe(np.stack(small[first : first + _CHUNK])) for first in range(0, len(small), _CHUNK)]
    return np.concatenate([np.zeros((0, 4 * BINS * (_CELLS - 1) ** 2), np.float32), *parts])


def _describe(pictures: np.ndarray) -> np.ndarray:
    """Uint8 (m, 48, 48) to float32 (m, F)."""
    down, right = np.gradient(pictures.astype(np.float32), axis=(1, 2))
    length = np.hypot(down, right)
    place = np.arctan2(down, right) * (BINS / np.pi) % BINS  # 0 to B, half a turn
    lower = place.astype(np.int64)
    upper_length = (place - lower) * length  # each gradient is shared between the two nearest directions
    across = np.arange(SIDE) // CELL
    cell = (np.arange(len(pictures))[:, None, None] * _CELLS + across[:, None]) * _CELLS + across  # (m, S, S)
    sums = [
        np.bincount((cell * BINS + bins % BINS).ravel(), lengths.ravel(), len(pictures) * _CELLS**2 * BINS)
        for bins, lengths in ((lower, length - upper_length), (lower + 1, upper_length))
    ]
    histograms = (sums[0] + sums[1]).reshape(-1, _CELLS, _CELLS, BINS)  # (m, G, G, B)
    corners = [histograms[:, y : y + _CELLS - 1, x : x + _CELLS - 1] for y in (0, 1) for x in (0, 1)]
    blocks = np.concatenate(corners, axis=3)  # (m, G-1, G-1, 4B)
    blocks /= np.linalg.norm(blocks, axis=3, keepdims=True) + 1.0  # of a flat block hardly anything is left
    flat: np.ndarray = blocks.reshape(len(pictures), -1).astype(np.float32)
    return flat
