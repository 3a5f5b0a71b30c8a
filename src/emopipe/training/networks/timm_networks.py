"""Any classification network of timm, from scratch."""

import difflib

from torch import nn

from emopipe.errors import ModelError


def timm_network(name: str, num_classes: int, channels: int) -> nn.Module:
    """Build timm's network `name`: float (N, D, S, S) to logits (N, K). Raises `ModelError` for an unknown name."""
    import timm

    if not timm.is_model(name):
        known = ["cnn", *timm.list_models()]
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
        raise ModelError(f"train.models: {name!r} is neither cnn, nor a network of timm, nor of ultralytics; {hint}")
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=num_classes, in_chans=channels)
    return network
