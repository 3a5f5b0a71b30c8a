"""Networks made for large photographs, fitted to small faces: they down-sample less, with the same weights.

Shapes: N pictures, S side, D channels.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

STRIDED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def limit_stride(network: nn.Module, inputs: Tensor, max_stride: int) -> None:
    """Halve strides of `network`, from its stem on, until it down-samples at most `max_stride` times.

    Layers keep their weights, so pretrained ones still fit. `inputs`: float (N, D, S, S) that the network takes. A
    network with strides in its stem alone, like a vision transformer, or with none, stays as it is. What shrinks
    pictures by other means than convolutions and pools, such as the merging of a Swin transformer, is not seen.
    """
    while True:
        steps = strided_layers(network, inputs)
        factor = math.prod(min(map(_stride, layers)) for layers in steps)
        if factor <= max_stride or len(steps) < 2:
            return
        for layer in steps[0]:
            layer.stride = _halved(layer.stride)


def strided_layers(network: nn.Module, inputs: Tensor) -> list[list[Any]]:
    """Layers on the way from `inputs` to the output that shrink the picture, in the order in which they run.

    Those with the same side coming in stand together: they run side by side, as a shortcut and the path it shortens do.
    """
    steps: dict[int, list[Any]] = {}  # by the side that comes in

    def note(layer: nn.Module, given: tuple[Tensor], _: Tensor) -> None:
        steps.setdefault(given[0].shape[-1], []).append(layer)

    layers = [layer for layer in network.modules() if isinstance(layer, STRIDED) and _stride(layer) > 1]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    was_training = network.training
    with torch.inference_mode():
        network.eval()(inputs)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return list(steps.values())


def _stride(layer: Any) -> int:
    stride = layer.stride
    return int(stride[0] if isinstance(stride, tuple) else stride)


def _halved(stride: Any) -> Any:
    return tuple(_halved(one) for one in stride) if isinstance(stride, tuple) else max(1, int(stride) // 2)
