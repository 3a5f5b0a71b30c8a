"""Initial weights from safetensors files."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from emopipe.core.errors import ModelError


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name; raises `ModelError` if `path` is not a readable safetensors file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"train.pretrained: {path} is not a readable safetensors file ({error})") from error


def load_initial_weights(network: nn.Module, path: Path | None) -> nn.Module:
    """Load `path` into `network`, if there is a path; the last layer may have other classes.

    Raises `ModelError` if the file is not readable, or another tensor is missing or of another shape.
    """
    if path is None:
        return network
    weights, own = read_weights(path), network.state_dict()
    fitting = {name: weights[name] for name in own if name in weights and weights[name].shape == own[name].shape}
    last = {name for name, _ in list(network.named_parameters())[-2:]}  # weight and bias of the classifier
    wrong = [name for name in own if name not in fitting and name not in last]
    if wrong:
        raise ModelError(
            f"train.pretrained: {path} does not fit this network: {len(wrong)} of its {len(own)} tensors are missing "
            f"or of another shape, such as {wrong[0]}"
        )
    network.load_state_dict(fitting, strict=False)
    return network
