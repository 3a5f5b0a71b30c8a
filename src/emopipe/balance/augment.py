"""Strategy `augment`: altered copies of faces of the smaller classes are added as synthetic rows.

Geometry (rotation, scale, shift, flip, and a light elastic warp after Simard et al. 2003, "Best practices for
convolutional neural networks applied to visual document analysis") is one resampling; brightness and contrast follow.

Shapes: H height, W width, C channels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emopipe.balance.draws import draw_seeds, drawn_equally
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Missing, Plan, TrainFaces

MAX_ROTATION = 12.0
"""Degrees, either way: upright faces stay upright."""
MAX_SCALE = 0.12
"""Largest relative change of size."""
MAX_SHIFT = 0.06
"""Largest shift along each axis, as a share of the side."""
MAX_BRIGHTNESS = 24.0
"""Grey levels, either way."""
MAX_CONTRAST = 0.2
"""Largest relative change of the distance from the mean level."""
MAX_WARP = 0.025
"""Largest standard deviation of the elastic displacement, as a share of the side: more turns a smile."""
WARP_GRID = 5
"""Points along each axis at which displacements are drawn."""


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """One draw of everything that is done to a face."""

    rotation: float
    scale: float
    shift: tuple[float, float]
    flip: bool
    brightness: float
    contrast: float
    warp: float
    displacement: np.ndarray  # float32 (WARP_GRID, WARP_GRID, 2), standard normal

    def __str__(self) -> str:
        parts = [
            f"rotate({self.rotation:+.1f})",
            f"scale({self.scale:.2f})",
            f"shift({self.shift[0]:+.3f},{self.shift[1]:+.3f})",
            *(["flip"] if self.flip else []),
            f"warp({self.warp:.3f})",
            f"brightness({self.brightness:+.0f})",
            f"contrast({self.contrast:.2f})",
        ]
        return " ".join(parts)


def augment(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Add altered copies; within a class every face is a parent equally often, give or take one."""
    return Plan(make=lambda missing, rng: _copies(faces, missing, rng))


def _copies(faces: TrainFaces, missing: Missing, rng: np.random.Generator) -> Iterator[Addition]:
    for name, lacking in missing.items():
        parents = drawn_equally(faces.members(name), lacking, rng)
        for parent, seed in zip(parents.tolist(), draw_seeds(lacking, rng), strict=True):
            alteration = draw_alteration(seed)
            altered = alter(faces.picture(parent), alteration)
            yield Addition(parents=(parent,), label=name, op=str(alteration), seed=seed, pixels=altered)


def draw_alteration(seed: int) -> Alteration:
    """The alteration that `seed` stands for, uniform within the limits of this module."""
    rng = np.random.default_rng(seed)
    rotation, scale, shift_x, shift_y, brightness, contrast = rng.uniform(-1, 1, size=6)
    return Alteration(
        rotation=MAX_ROTATION * rotation,
        scale=1 + MAX_SCALE * scale,
        shift=(MAX_SHIFT * shift_x, MAX_SHIFT * shift_y),
        flip=bool(rng.random() < 0.5),
        brightness=MAX_BRIGHTNESS * brightness,
        contrast=1 + MAX_CONTRAST * contrast,
        warp=MAX_WARP * rng.random(),
        displacement=rng.standard_normal((WARP_GRID, WARP_GRID, 2)).astype(np.float32),
    )


def alter(pixels: np.ndarray, alteration: Alteration) -> np.ndarray:
    """Apply an alteration to uint8 (H, W, C); what comes into view at the border is mirrored."""
    at_x, at_y = _sources(pixels.shape[0], pixels.shape[1], alteration)
    moved = cv2.remap(pixels, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).reshape(pixels.shape)
    level = moved.mean()
    lit = (moved.astype(np.float32) - level) * alteration.contrast + level + alteration.brightness
    altered: np.ndarray = np.rint(lit).clip(0, 255).astype(np.uint8)
    return altered


def _sources(height: int, width: int, alteration: Alteration) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the result comes from: float32 (H, W) columns and (H, W) rows of the parent."""
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, alteration.rotation, alteration.scale)
    matrix[:, 2] += np.array([alteration.shift[0] * width, alteration.shift[1] * height])
    back = cv2.invertAffineTransform(matrix)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    if alteration.flip:
        x = width - 1 - x
    pixels = alteration.displacement * np.array([alteration.warp * width, alteration.warp * height], np.float32)
    warp = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    at_x = back[0, 0] * x + back[0, 1] * y + back[0, 2] + warp[:, :, 0]
    at_y = back[1, 0] * x + back[1, 1] * y + back[1, 2] + warp[:, :, 1]
    return at_x.astype(np.float32), at_y.astype(np.float32)
