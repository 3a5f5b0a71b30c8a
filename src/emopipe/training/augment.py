"""Random geometry, a batch at a time on the training device: flip, rotation, scale, shift.

One affine resampling does all four and brings the picture to the network's size, so that pixels are interpolated once.
Shapes: N pictures, C channels, H height, W width, S side of the network's input.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from emopipe.training.config import TrainConfig


def random_affine(num: int, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Draw `num` maps from output to input coordinates, each in -1..1, as float (num, 2, 3) on the CPU."""

    def symmetric(limit: float) -> Tensor:
        return (2 * torch.rand(num, generator=generator) - 1) * limit

    angle = symmetric(math.radians(config.rotation))
    zoom = 1 / (1 + symmetric(config.scale))
    mirror = 1 - 2 * (torch.rand(num, generator=generator) < 0.5).float() * config.flip
    shift_x, shift_y = symmetric(2 * config.shift), symmetric(2 * config.shift)
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    rows = [mirror * cosine, -sine, shift_x, mirror * sine, cosine, shift_y]
    return torch.stack(rows, dim=1).view(num, 2, 3)


def augment(images: Tensor, affine: Tensor, size: int) -> Tensor:
    """Resample float (N, C, H, W) through `affine` (N, 2, 3) to (N, C, size, size); outside repeats the border."""
    grid = F.affine_grid(affine, [len(images), images.shape[1], size, size], align_corners=False)  # (N, S, S, 2)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
