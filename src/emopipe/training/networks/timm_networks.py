"""Classification networks of timm."""

from pathlib import Path
from typing import Any

from torch import nn

from emopipe.core.errors import ModelError
from emopipe.training.model_names import unknown_network
from emopipe.training.networks.initial_weights import read_weights


def timm_network(name: str, num_classes: int, channels: int, size: int, path: Path | None = None) -> nn.Module:
    """Build timm's network `name`: float (N, D, S, S) to logits (N, K).

    The weights of `path`, a safetensors file, are adapted to `channels` and `num_classes`. Raises `ModelError` for an
    unknown name, for a network that cannot be built for images of `size`, and for weights that do not fit.
    """
    import timm

    if not timm.is_model(name):
        raise ModelError(f"models: {unknown_network(name)}")
    options: dict[str, Any] = {"img_size": size} if timm.get_pretrained_cfg_value(name, "fixed_input_size") else {}
    weights = read_weights(path) if path else {}
    if path:
        options |= {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": weights}}
    try:
        network: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=channels, **options)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        if path:
            raise ModelError(f"train.pretrained: {path} does not fit {name} ({reason})") from error
        raise ModelError(f"models: timm cannot build {name} for images of {size}x{size} ({reason})") from error
    missing = [key for key in network.state_dict() if key not in weights] if path else []
    if len(missing) > len(network.state_dict()) / 2:  # timm loads what fits, and does not report the rest
        raise ModelError(f"train.pretrained: {path} does not fit {name}: it has no {missing[0]}, and lacks others")
    return network
