"""Initial weights of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from emopipe.core.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class InitialWeights:
    """Tensors that a network starts from."""

    tensors: Mapping[str, Tensor] = field(repr=False)
    """By name, as in the network's state."""
    source: str
    """The file, for messages."""
    sha256: str
    """Hash of the file, 64 hex digits."""
    has_statistics: bool = True
    """Whether batch norms have the statistics of the data; else see `released.restore_statistics`."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name; raises `ModelError` if `path` is not a readable safetensors file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"train.pretrained: {path} is not a readable safetensors file ({error})") from error


def last_layer(network: nn.Module) -> list[str]:
    """Names of the weight and the bias of the layer that gives the logits."""
    return [name for name, _ in network.named_parameters()][-2:]


def load_initial_weights(network: nn.Module, initial: InitialWeights | None) -> nn.Module:
    """Load weights into `network`, if there are any; the last layer may have other classes.

    Raises `ModelError` if another tensor is missing or of another shape.
    """
    if initial is None:
        return network
    weights, own = initial.tensors, network.state_dict()
    fitting = {name: weights[name] for name in own if name in weights and weights[name].shape == own[name].shape}
    wrong = [name for name in own if name not in fitting and name not in last_layer(network)]
    if wrong:
        raise ModelError(
            f"train.pretrained: {initial.source} does not fit this network: {len(wrong)} of its {len(own)} tensors "
            f"are missing or of another shape, such as {wrong[0]}"
        )
    network.load_state_dict(fitting, strict=False)
    return network
