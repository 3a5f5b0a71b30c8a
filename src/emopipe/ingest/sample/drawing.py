"""Rasterise shapes: fill outlines at several times the resolution, then average down."""

from collections.abc import Sequence

import cv2
import numpy as np

from emopipe.ingest.sample.pose import Pose, project
from emopipe.ingest.sample.shapes import Layer, Shape

SUPERSAMPLING = 4
_SUBPIXEL_BITS = 4
_NO_CHANGE = 128  # value of the soft layers that leaves the paint unchanged
_SOFTNESS: dict[Layer, float] = {"crease": 0.011, "shade": 0.05}
"""Standard deviation of the soft layers' blur, as a share of the image's side."""


def render(shapes: Sequence[Shape], pose: Pose, background: np.ndarray) -> np.ndarray:
    """Draw shapes from back to front over `background` (H, H) in grey levels; float32 (H, H) in grey levels."""
    size = background.shape[0]
    fine = size * SUPERSAMPLING
    paint = cv2.resize(background, (fine, fine), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    soft = {name: np.full((fine, fine), _NO_CHANGE, np.uint8) for name in _SOFTNESS}
    for shape, outline in zip(shapes, _outlines(shapes, pose, fine), strict=True):
        if shape.layer in soft:
            _fill(soft[shape.layer], outline, _NO_CHANGE + shape.tone)
            continue
        _fill(paint, outline, shape.tone)
        if shape.layer == "cover":
            for changes in soft.values():
                _fill(changes, outline, _NO_CHANGE)
    image = _shrink(paint, size)
    for name, softness in _SOFTNESS.items():
        change = cv2.GaussianBlur(_shrink(soft[name], size), (0, 0), max(softness * size, 0.3))
        image += change - _NO_CHANGE
    return image


def _fill(layer: np.ndarray, outline: np.ndarray, tone: float) -> None:
    cv2.fillPoly(layer, [outline], round(min(max(tone, 0), 255)), shift=_SUBPIXEL_BITS)


def _outlines(shapes: Sequence[Shape], pose: Pose, side: int) -> list[np.ndarray]:
    """Each shape's outline in fixed-point pixels, projected in one go."""
    lengths = [len(shape.points) for shape in shapes]
    lift = np.repeat([shape.lift for shape in shapes], lengths)
    pixels = project(np.concatenate([shape.points for shape in shapes]), lift, pose, side)
    fixed = np.round(pixels * 2**_SUBPIXEL_BITS).astype(np.int32)
    return np.split(fixed, np.cumsum(lengths)[:-1])


def _shrink(layer: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
