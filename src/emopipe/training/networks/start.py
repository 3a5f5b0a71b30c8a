"""Weights to start from, for networks that are not timm's."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from emopipe.core.errors import ModelError


def load_start(network: nn.Module, start: Path | None) -> nn.Module:
    """`network` with the weights of the safetensors file `start`, if there is one; its last layer may differ.

    Raises `ModelError` where the file is not readable, or fits no more than the names of a few layers.
    """
    if start is None:
        return network
    try:
        found = load_file(start)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"train.pretrained: {start} is not a readable safetensors file ({error})") from error
    own = network.state_dict()
    last = {name for name, _ in list(network.named_parameters())[-2:]}  # weight and bias of the classifier
    wrong = [
        name
        for name, value in own.items()
        if name not in last and (name not in found or found[name].shape != value.shape)
    ]
    if wrong:
        raise ModelError(
            f"train.pretrained: {start} does not fit this network: {len(wrong)} of its {len(own)} tensors are missing "
            f"or of another shape, such as {wrong[0]}"
        )
    fitting = {name: found[name] for name, value in own.items() if name in found and found[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    return network
