"""Networks by name, and their compute cost."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from emopipe.core.errors import ModelError
from emopipe.training.model_names import SUFFIX
from emopipe.training.networks.cnn import cnn
from emopipe.training.networks.initial_weights import load_initial_weights
from emopipe.training.networks.strides import limit_stride
from emopipe.training.networks.timm_networks import timm_network
from emopipe.training.networks.ultralytics_networks import CHANNELS, SIZE, ultralytics_network


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Everything that defines a network except its weights."""

    name: str
    """`cnn`, or a classification network of timm or of ultralytics."""
    num_classes: int
    size: int
    """Side of the square input, in pixels."""
    channels: int
    """Channels of the input."""
    max_stride: int
    """Largest total stride of networks of timm and ultralytics."""


def architecture(name: str, *, num_classes: int, size: int, channels: int, max_stride: int) -> Architecture:
    """The architecture `name` for images of `size` and `channels`; networks of ultralytics have fixed ones."""
    if name.endswith(SUFFIX):
        size, channels = SIZE, CHANNELS
    return Architecture(name=name, num_classes=num_classes, size=size, channels=channels, max_stride=max_stride)


def build_network(spec: Architecture, initial_weights: Path | None = None) -> nn.Module:
    """A network from scratch, or with `initial_weights` (safetensors): float (N, D, S, S) to logits (N, K).

    Raises `ModelError` for an unknown name, and for weights that do not fit.
    """
    if spec.name == "cnn":
        return load_initial_weights(cnn(spec.num_classes, spec.channels), initial_weights)
    if spec.name.endswith(SUFFIX):
        network = load_initial_weights(ultralytics_network(spec.name, spec.num_classes), initial_weights)
    else:
        network = timm_network(spec.name, spec.num_classes, spec.channels, spec.size, initial_weights)
    try:
        limit_stride(network, torch.zeros(1, spec.channels, spec.size, spec.size), spec.max_stride)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(
            f"models: {spec.name} cannot take images of {spec.size}x{spec.size} "
            f"with train.max_stride={spec.max_stride} ({reason})"
        ) from error
    return network


def num_macs(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-accumulates of convolutions, matrix products and attention for one image (channels, size, size)."""
    network = copy.deepcopy(network).to("cpu").eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, channels, size, size))
    return int(counter.get_total_flops()) // 2
