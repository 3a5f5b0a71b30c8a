"""Any classification network of timm."""

import difflib
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from emopipe.core.errors import ModelError


def timm_network(name: str, num_classes: int, channels: int, size: int, start: Path | None = None) -> nn.Module:
    """Build timm's network `name`: float (N, D, S, S) to logits (N, K).

    The weights of `start`, a safetensors file, are adapted to `channels` and `num_classes`. Raises `ModelError` for an
    unknown name, for a network that cannot be built for pictures of `size`, and for weights that do not fit.
    """
    import timm

    if not timm.is_model(name):
        known = ["cnn", *timm.list_models()]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
        raise ModelError(f"models: {name!r} is neither cnn, nor a network of timm, nor of ultralytics; {hint}")
    sized: dict[str, Any] = {"img_size": size} if timm.get_pretrained_cfg_value(name, "fixed_input_size") else {}
    try:
        found = load_file(start) if start else {}
        weights: dict[str, Any] = {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": found}} if start else {}
        network: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=channels, **sized, **weights)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"train.pretrained: {start} is not a readable safetensors file ({error})") from error
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        if start:
            raise ModelError(f"train.pretrained: {start} does not fit {name} ({reason})") from error
        raise ModelError(f"models: timm cannot build {name} for pictures of {size}x{size} ({reason})") from error
    missing = [key for key in network.state_dict() if key not in found] if start else []
    if len(missing) > len(network.state_dict()) / 2:  # timm takes what it can, and is silent about what it cannot
        raise ModelError(f"train.pretrained: {start} does not fit {name}: it has no {missing[0]}, and lacks others")
    return network
