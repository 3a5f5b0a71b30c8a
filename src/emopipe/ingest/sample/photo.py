"""Camera and scene: background, light, blur, noise, contrast.

H is the image's side. Lengths are shares of it, so that a face looks the same at any size.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from emopipe.ingest.sample.pose import CENTRE_Y, HALF_VIEW, Pose

GREY_STEP = 4  # grey levels are multiples of this: it halves the compressed size of a data set and is not visible
_NOISE_CELLS = 48
"""Noise has this many cells across the image, at any size: like an enlarged small photograph."""
_LIT_HALF_WIDTH, _LIT_HALF_HEIGHT = 0.92, 1.2
"""Half axes of the ellipsoid on which the light falls, in face units: a little more than the face."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Parameters of a photograph."""

    light: tuple[float, float, float]  # direction of the light, a unit vector: right, down, towards the camera
    ambient: float  # share of ambient light
    exposure: float
    contrast: float
    blur: float  # standard deviation, as a share of the side
    noise: float  # standard deviation in grey levels


def sample_photo(rng: np.random.Generator) -> Photo:
    """Sample the parameters of a photograph."""
    azimuth, height = rng.uniform(-1.3, 1.3), rng.uniform(-0.9, 0.5)
    towards = np.cos(height) * np.cos(azimuth)
    return Photo(
        light=(float(np.cos(height) * np.sin(azimuth)), float(np.sin(height)), float(towards)),
        ambient=rng.uniform(0.35, 0.85),
        exposure=rng.uniform(0.85, 1.2),
        contrast=rng.uniform(0.75, 1.2),
        blur=0.018 * rng.uniform() ** 1.5,
        noise=rng.uniform(0.0, 9.0),
    )


def sample_background(size: int, rng: np.random.Generator) -> np.ndarray:
    """Sample a blurred room: float32 (H, H) in grey levels."""
    coarse = np.clip(rng.uniform(20, 230) + rng.uniform(0, 45) * rng.standard_normal((4, 4)), 0, 255)
    return cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def develop(image: np.ndarray, photo: Photo, pose: Pose, rng: np.random.Generator) -> np.ndarray:
    """Add light, blur and noise to a drawn face (H, H) in grey levels; uint8 (H, H) in steps of `GREY_STEP`."""
    lit = image * _lighting(image.shape[0], photo, pose)
    blurred = cv2.GaussianBlur(lit, (0, 0), max(photo.blur * image.shape[0], 0.2))
    cells = photo.noise * rng.standard_normal((_NOISE_CELLS, _NOISE_CELLS), dtype=np.float32)
    grain = cv2.GaussianBlur(cv2.resize(cells, image.shape), (0, 0), 0.6)
    toned = 128 + photo.contrast * (photo.exposure * blurred + grain - 128)
    levels: np.ndarray = GREY_STEP * np.round(np.clip(toned, 0, 255 - GREY_STEP) / GREY_STEP)
    return levels.astype(np.uint8)


def _lighting(size: int, photo: Photo, pose: Pose) -> np.ndarray:
    """Lambert's law on the head's ellipsoid: float32 (H, H), about 1 on average."""
    steps = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    x = (steps * (HALF_VIEW / pose.scale) - pose.shift_x)[None, :] / _LIT_HALF_WIDTH
    y = (steps * (HALF_VIEW / pose.scale) - pose.shift_y + CENTRE_Y)[:, None] / _LIT_HALF_HEIGHT
    towards = np.sqrt(np.maximum(1 - x**2 - y**2, 0.05))
    direct = np.maximum(photo.light[0] * x + photo.light[1] * y + photo.light[2] * towards, 0.0)
    return photo.ambient + (1.25 - photo.ambient) * direct
