"""Augmentation of a batch on the training device: affine maps, brightness and contrast, erasing, mixup and cutmix.

One affine resampling does flip, rotation, scale and shift, so pixels are interpolated once. Random numbers come from a
generator on the CPU and are the same for all devices.
Shapes: N images, C channels, S side of an image, D channels of the network's input, K classes.
"""

import math
import random

import torch
from torch import Tensor
from torch.nn import functional as F

from emopipe.training.config import AugmentConfig

ERASED = 1 / 3  # side of the blanked square, as a fraction of the image's


def random_affine(num: int, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Draw affine maps from output to input coordinates, which are in -1..1: float (num, 2, 3), on the CPU."""
    rotation, scale, right, down, side = _symmetric(num, 5, generator)
    angle = math.radians(config.rotation) * rotation
    zoom = 1 / (1 + config.scale * scale)
    mirror = 1 - 2 * (side < 0).float() * config.flip
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    shift = 2 * config.shift
    rows = [mirror * cosine, -sine, shift * right, mirror * sine, cosine, shift * down]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def apply_affine(images: Tensor, affine: Tensor) -> Tensor:
    """Resample float (N, C, S, S) by `affine` (N, 2, 3), same shape; outside, the border is repeated."""
    grid = F.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)  # (N, S, S, 2)
    warped: Tensor = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return warped


def jitter_brightness_contrast(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Scale contrast about the mean of each face, and shift brightness: float (N, C, S, S) in 0..1, same shape."""
    if config.contrast == 0 == config.brightness:
        return images
    contrast, brightness = _symmetric(len(images), 2, generator).to(images.device).view(2, -1, 1, 1, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed: Tensor = (images - mean) * (1 + config.contrast * contrast) + mean + config.brightness * brightness
    return changed.clamp_(0, 1)


def random_erasing(inputs: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Set a square to 0, the mean pixel, in a `fraction` of the faces: normalised float (N, D, S, S), same shape.

    Zhong et al. 2020, "Random Erasing Data Augmentation", with squares of one size.
    """
    if fraction == 0:
        return inputs
    chosen, row, column = torch.rand(3, len(inputs), generator=generator).to(inputs.device).view(3, -1, 1, 1, 1)
    position = torch.arange(inputs.shape[-1], device=inputs.device) / inputs.shape[-1]  # (S,), in 0..1
    top, left = row * (1 - ERASED), column * (1 - ERASED)
    rows = ((position >= top) & (position < top + ERASED)).movedim(-1, -2)  # (N, 1, 1, S) to (N, 1, S, 1)
    columns = (position >= left) & (position < left + ERASED)
    return inputs.masked_fill(rows & columns & (chosen < fraction), 0)


def mixup_or_cutmix(
    inputs: Tensor, targets: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each face with another one of the shuffled batch: float (N, D, S, S), and targets (N, K).

    mixup: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization". cutmix: Yun et al. 2019, "CutMix".
    """
    alpha = config.mixup or config.cutmix
    if alpha == 0:
        return inputs, targets
    rng = random.Random(int(torch.randint(2**31, (), generator=generator)))
    weight = rng.betavariate(alpha, alpha)  # of the face itself
    others = inputs.flip(0)
    if config.mixup:
        mixed = weight * inputs + (1 - weight) * others
    else:
        size = inputs.shape[-1]
        side = round(size * math.sqrt(1 - weight))
        top, left = rng.randint(0, size - side), rng.randint(0, size - side)
        mixed = inputs.clone()
        mixed[:, :, top : top + side, left : left + side] = others[:, :, top : top + side, left : left + side]
        weight = 1 - (side / size) ** 2
    return mixed, weight * targets + (1 - weight) * targets.flip(0)


def _symmetric(num: int, rows: int, generator: torch.Generator) -> Tensor:
    """Uniform in -1..1, float (rows, num), on the CPU."""
    return 2 * torch.rand(rows, num, generator=generator) - 1
