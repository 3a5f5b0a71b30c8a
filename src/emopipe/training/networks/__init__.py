"""Networks by name."""

from dataclasses import dataclass

from torch import nn

from emopipe.training.networks.cnn import cnn
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


def architecture(name: str, *, num_classes: int, size: int, channels: int) -> Architecture:
    """The architecture `name` for pictures of `size` and `channels`; ultralytics' networks fix both themselves."""
    if name.endswith(SUFFIX):
        size, channels = SIZE, CHANNELS
    return Architecture(name=name, num_classes=num_classes, size=size, channels=channels)


def build_network(wanted: Architecture) -> nn.Module:
    """A network with fresh weights: float (N, D, S, S) to logits (N, K). Raises `ModelError` for an unknown name."""
    if wanted.name == "cnn":
        return cnn(wanted.num_classes, wanted.channels)
    if wanted.name.endswith(SUFFIX):
        return ultralytics_network(wanted.name, wanted.num_classes)
    return timm_network(wanted.name, wanted.num_classes, wanted.channels, wanted.size)
