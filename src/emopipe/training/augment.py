"""Random changes of a batch on the training device: geometry, light, a blank square, and blends of two faces.

One affine resampling does flip, rotation, scale and shift, so that pixels are interpolated once. All that is random
comes from a generator on the CPU, so that every device sees the same changes.
Shapes: N pictures, C channels, S side of a picture, K classes.
"""

import math
import random

import torch
from torch import Tensor
from torch.nn import functional as F

from emopipe.training.config import AugmentConfig

ERASED = 1 / 3  # side of the blanked square, as a share of the picture's


def random_affine(num: int, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Draw `num` maps from output to input coordinates, each in -1..1, as float (num, 2, 3) on the CPU."""
    turn, zoom, right, down, side = _symmetric(num, 5, generator)
    angle = math.radians(config.rotation) * turn
    zoom = 1 / (1 + config.scale * zoom)
    mirror = 1 - 2 * (side < 0).float() * config.flip
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    shift = 2 * config.shift
    return torch.stack([mirror * cosine, -sine, shift * right, mirror * sine, cosine, shift * down], dim=1).view(
        -1, 2, 3
    )


def apply_affine(images: Tensor, affine: Tensor) -> Tensor:
    """Resample float (N, C, S, S) through `affine` (N, 2, 3), same shape; outside repeats the border."""
    grid = F.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)  # (N, S, S, 2)
    warped: Tensor = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return warped


def jitter_brightness_contrast(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Change contrast about each face's own mean, and brightness; float (N, C, S, S) in 0..1, same shape and range."""
    if config.contrast == 0 == config.brightness:
        return images
    contrast, brightness = _symmetric(len(images), 2, generator).to(images.device).view(2, -1, 1, 1, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    changed: Tensor = (images - mean) * (1 + config.contrast * contrast) + mean + config.brightness * brightness
    return changed.clamp_(0, 1)


def random_erasing(inputs: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Blank a square of a `share` of the faces with 0, the mean pixel: float (N, D, S, S) normalised, same shape.

    Zhong et al. 2020, "Random Erasing Data Augmentation", with a square of one size.
    """
    if share == 0:
        return inputs
    chosen, row, column = torch.rand(3, len(inputs), generator=generator).to(inputs.device).view(3, -1, 1, 1, 1)
    place = torch.arange(inputs.shape[-1], device=inputs.device) / inputs.shape[-1]  # (S,), in 0..1
    top, left = row * (1 - ERASED), column * (1 - ERASED)
    rows = ((place >= top) & (place < top + ERASED)).movedim(-1, -2)  # (N, 1, 1, S) to (N, 1, S, 1)
    columns = (place >= left) & (place < left + ERASED)
    return inputs.masked_fill(rows & columns & (chosen < share), 0)


def mixup_or_cutmix(
    inputs: Tensor, targets: Tensor, config: AugmentConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each face with another of the batch, which is in random order: (N, D, S, S) and targets (N, K).

    mixup: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization". cutmix: Yun et al. 2019, "CutMix".
    """
    alpha = config.mixup or config.cutmix
    if alpha == 0:
        return inputs, targets
    dice = random.Random(int(torch.randint(2**31, (), generator=generator)))
    share = dice.betavariate(alpha, alpha)  # of the face itself
    others = inputs.flip(0)
    if config.mixup:
        mixed = share * inputs + (1 - share) * others
    else:
        size = inputs.shape[-1]
        side = round(size * math.sqrt(1 - share))
        top, left = dice.randint(0, size - side), dice.randint(0, size - side)
        mixed = inputs.clone()
        mixed[:, :, top : top + side, left : left + side] = others[:, :, top : top + side, left : left + side]
        share = 1 - (side / size) ** 2
    return mixed, share * targets + (1 - share) * targets.flip(0)


def _symmetric(num: int, rows: int, generator: torch.Generator) -> Tensor:
    """Uniform in -1..1, float (rows, num), on the CPU."""
    return 2 * torch.rand(rows, num, generator=generator) - 1
