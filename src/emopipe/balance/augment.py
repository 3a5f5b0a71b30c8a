"""Strategy `augment`: randomly transformed copies of faces of the smaller classes.

One resampling applies rotation, scale, shift, flip and a slight elastic warp (Simard et al. 2003, "Best practices for
convolutional neural networks applied to visual document analysis"); brightness and contrast follow.

Shapes: H height, W width, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.balance.strategy import Plan, Sample, Samples, TrainFaces, sample_parents
from emopipe.faces.png import decode_png

MAX_ROTATION = 12.0
"""Degrees, in both directions."""
MAX_SCALE = 0.12
"""Relative change of size."""
MAX_SHIFT = 0.06
"""Share of the side, along each axis."""
MAX_BRIGHTNESS = 24.0
"""Grey levels, in both directions."""
MAX_CONTRAST = 0.2
"""Relative change of the distance from the mean level."""
MAX_WARP = 0.025
"""Standard deviation of the elastic displacement, as a share of the side: more than this distorts the expression."""
WARP_GRID = 5
"""Grid points of the displacement along each axis."""


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Parameters of the transformation of one face."""

    rotation: float
    scale: float
    shift: tuple[float, float]
    flip: bool
    brightness: float
    contrast: float
    warp: float
    displacement: np.ndarray  # float32 (WARP_GRID, WARP_GRID, 2), standard normal

    def __str__(self) -> str:
        flip = "flip " if self.flip else ""
        return (
            f"rotate({self.rotation:+.1f}) scale({self.scale:.2f}) shift({self.shift[0]:+.3f},{self.shift[1]:+.3f}) "
            f"{flip}warp({self.warp:.3f}) brightness({self.brightness:+.0f}) contrast({self.contrast:.2f})"
        )


def augment(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Add transformed copies, about the same number of each face of a class."""

    def sample(num_missing: Mapping[str, int]) -> Samples:
        for label, num in num_missing.items():
            for parent, seed in sample_parents(faces.rows_of(label), num, rng):
                transform = sample_transform(seed)
                pixels = apply_transform(decode_png(faces.pngs[parent]), transform)
                yield Sample(parents=(parent,), label=label, op=str(transform), seed=seed, pixels=pixels)

    return Plan(sample=sample)


def sample_transform(seed: int) -> Transform:
    """The transform of a seed, uniform within the limits of this module."""
    rng = np.random.default_rng(seed)
    rotation, scale, shift_x, shift_y, brightness, contrast = rng.uniform(-1, 1, size=6)
    return Transform(
        rotation=MAX_ROTATION * rotation,
        scale=1 + MAX_SCALE * scale,
        shift=(MAX_SHIFT * shift_x, MAX_SHIFT * shift_y),
        flip=bool(rng.random() < 0.5),
        brightness=MAX_BRIGHTNESS * brightness,
        contrast=1 + MAX_CONTRAST * contrast,
        warp=MAX_WARP * rng.random(),
        displacement=rng.standard_normal((WARP_GRID, WARP_GRID, 2)).astype(np.float32),
    )


def apply_transform(pixels: np.ndarray, transform: Transform) -> np.ndarray:
    """Transform uint8 (H, W, C); the border is reflected."""
    map_x, map_y = _sampling_maps(pixels.shape[0], pixels.shape[1], transform)
    warped = cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).reshape(pixels.shape)
    mean = warped.mean()
    jittered = (warped.astype(np.float32) - mean) * transform.contrast + mean + transform.brightness
    result: np.ndarray = np.rint(jittered).clip(0, 255).astype(np.uint8)
    return result


def _sampling_maps(height: int, width: int, transform: Transform) -> tuple[np.ndarray, np.ndarray]:
    """Source columns and rows of each pixel of the result, float32 (H, W) each."""
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, transform.rotation, transform.scale)
    matrix[:, 2] += np.array([transform.shift[0] * width, transform.shift[1] * height])
    inverse = cv2.invertAffineTransform(matrix)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    if transform.flip:
        x = width - 1 - x
    displacement = transform.displacement * np.array([transform.warp * width, transform.warp * height], np.float32)
    warp = cv2.resize(displacement, (width, height), interpolation=cv2.INTER_CUBIC)
    map_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2] + warp[:, :, 0]
    map_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2] + warp[:, :, 1]
    return map_x.astype(np.float32), map_y.astype(np.float32)
