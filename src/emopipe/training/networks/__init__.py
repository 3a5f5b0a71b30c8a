"""Networks by name."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from emopipe.core.errors import ModelError
from emopipe.training.networks.cnn import cnn
from emopipe.training.networks.start import load_start
from emopipe.training.networks.strides import limit_stride
from emopipe.training.networks.timm_networks import timm_network
from emopipe.training.networks.ultralytics_networks import CHANNELS, SIZE, SUFFIX, ultralytics_network


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """All that is needed to build a network, without its weights."""

    name: str
    """`cnn`, or the name of a classification network of timm or of ultralytics."""
    num_classes: int
    size: int
    """Side of the square input, in pixels."""
    channels: int
    """Channels of the input."""
    max_stride: int
    """Networks of timm and ultralytics are made to down-sample at most so many times."""


def architecture(name: str, *, num_classes: int, size: int, channels: int, max_stride: int) -> Architecture:
    """The architecture `name` for pictures of `size` and `channels`; ultralytics' networks fix both themselves."""
    if name.endswith(SUFFIX):
        size, channels = SIZE, CHANNELS
    return Architecture(name=name, num_classes=num_classes, size=size, channels=channels, max_stride=max_stride)


def build_network(wanted: Architecture, start: Path | None = None) -> nn.Module:
    """A network with fresh weights, or with those of `start` (safetensors): float (N, D, S, S) to logits (N, K).

    Raises `ModelError` for an unknown name, and for weights that do not fit.
    """
    if wanted.name == "cnn":
        return load_start(cnn(wanted.num_classes, wanted.channels), start)
    if wanted.name.endswith(SUFFIX):
        network = load_start(ultralytics_network(wanted.name, wanted.num_classes), start)
    else:
        network = timm_network(wanted.name, wanted.num_classes, wanted.channels, wanted.size, start)
    try:
        limit_stride(network, torch.zeros(1, wanted.channels, wanted.size, wanted.size), wanted.max_stride)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(
            f"models: {wanted.name} cannot take pictures of {wanted.size}x{wanted.size} "
            f"with train.max_stride={wanted.max_stride} ({reason})"
        ) from error
    return network
