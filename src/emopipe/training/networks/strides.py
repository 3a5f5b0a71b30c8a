"""Smaller strides, for networks made for large photographs on small faces; the weights stay the same.

Shapes: N images, S side, D channels.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

STRIDED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def limit_stride(network: nn.Module, inputs: Tensor, max_stride: int) -> None:
    """Halve strides of `network`, from its stem on, until their product is at most `max_stride`.

    Pretrained weights still fit. inputs: an example input, float (N, D, S, S). A network with strides only in its
    stem, such as a vision transformer, stays unchanged. Down-sampling other than by convolution and pooling, such as
    the patch merging of a Swin transformer, is not counted.
    """
    while True:
        levels = strided_layers(network, inputs)
        total = math.prod(min(map(_stride, layers)) for layers in levels)
        if total <= max_stride or len(levels) < 2:
            return
        for layer in levels[0]:
            layer.stride = _halved(layer.stride)


def strided_layers(network: nn.Module, inputs: Tensor) -> list[list[Any]]:
    """Layers with a stride above 1, in the order in which they run on `inputs`.

    Layers with the same input side are one list: they run in parallel, like a shortcut and its residual path.
    """
    levels: dict[int, list[Any]] = {}  # by input side

    def record(layer: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        levels.setdefault(inputs[0].shape[-1], []).append(layer)

    layers = [layer for layer in network.modules() if isinstance(layer, STRIDED) and _stride(layer) > 1]
    hooks = [layer.register_forward_hook(record) for layer in layers]
    was_training = network.training
    with torch.inference_mode():
        network.eval()(inputs)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return list(levels.values())


def _stride(layer: Any) -> int:
    stride = layer.stride
    return int(stride[0] if isinstance(stride, tuple) else stride)


def _halved(stride: Any) -> Any:
    return tuple(map(_halved, stride)) if isinstance(stride, tuple) else max(1, int(stride) // 2)
