"""Any classification network of timm, from scratch."""

import difflib
from typing import Any

from torch import nn

from emopipe.errors import ModelError


def timm_network(name: str, num_classes: int, channels: int, size: int) -> nn.Module:
    """Build timm's network `name`: float (N, D, S, S) to logits (N, K).

    Raises `ModelError` for an unknown name, and for a network that cannot be built for pictures of `size`.
    """
    import timm

    if not timm.is_model(name):
        known = ["cnn", *timm.list_models()]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
        raise ModelError(f"train.models: {name!r} is neither cnn, nor a network of timm, nor of ultralytics; {hint}")
    sized: dict[str, Any] = {"img_size": size} if timm.get_pretrained_cfg_value(name, "fixed_input_size") else {}
    try:
        network: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=channels, **sized)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"train.models: timm cannot build {name} for pictures of {size}x{size} ({reason})") from error
    return network
