"""From decoded images to the input of a network: one definition for training, evaluation and the exported graph.

Shapes: N images, H height, W width, C channels of an image, S side and D channels of the network's input.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """The input of a network."""

    size: int
    """Side S of the square input, in pixels."""
    channels: int
    """Channels D of the input; a grey image is repeated to fill them."""
    mean: float
    """Mean of the training pixels, in 0 to 1."""
    std: float
    """Standard deviation of the training pixels, in 0 to 1."""


def resize(images: Tensor, size: int) -> Tensor:
    """Resize float (N, C, H, W) to (N, C, size, size): bilinear, antialiased when it shrinks."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False, antialias=True)


class Preprocess(nn.Module):
    """uint8 (N, H, W, C) to normalised float (N, D, S, S)."""

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, images: Tensor) -> Tensor:
        """Scale to 0..1, resize, repeat grey to the network's channels, normalise."""
        scaled = images.permute(0, 3, 1, 2).float() / 255  # (N, C, H, W)
        return self.normalise(resize(scaled, self.spec.size))

    def normalise(self, scaled: Tensor) -> Tensor:
        """Float (N, C, S, S) in 0..1 to (N, D, S, S)."""
        filled = scaled.expand(-1, self.spec.channels, -1, -1) if scaled.shape[1] == 1 else scaled
        return (filled - self.spec.mean) / self.spec.std


def stack_images(images: list[np.ndarray], size: int) -> Tensor:
    """Stack uint8 (H, W, C) images of any sizes into one uint8 tensor (N, size, size, C)."""
    return torch.stack([_resize_one(torch.from_numpy(image), size) for image in images])


def _resize_one(image: Tensor, size: int) -> Tensor:
    if image.shape[:2] == (size, size):
        return image
    resized = resize(image.permute(2, 0, 1)[None].float(), size)[0]  # (C, S, S)
    return resized.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
