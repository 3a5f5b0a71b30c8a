"""Where a network looks: Grad-CAM (Selvaraju et al. 2017), by captum.

Shapes: N faces, H height, W width, C channels, S side of the network's input.
"""

from typing import Any

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor, nn

from emopipe.core.errors import ModelError
from emopipe.training.classifier import Classifier

MIN_CELLS = 5
"""Fewer cells a side say nothing about the place; the last layers of a network for small faces have 2 or 3."""


def grad_cam(classifier: Classifier, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Maps float32 (N, S, S), each from 0 to 1 at its highest, of images uint8 (N, H, W, C) and targets int (N,).

    A map is high where the network sees evidence for the class `target`; 0 everywhere if it sees none. Its layer is
    the last convolution with at least `MIN_CELLS` cells a side. Raises `ModelError` for a network without one.
    """
    classifier.eval()
    device = next(classifier.parameters()).device
    inputs = classifier.preprocess(torch.from_numpy(images).to(device))
    method = LayerGradCam(classifier.classify, _last_fine_convolution(classifier, inputs[:1]))
    cells = method.attribute(inputs, torch.from_numpy(targets).to(device), relu_attributions=True)
    maps = LayerAttribution.interpolate(cells, inputs.shape[2:], "bilinear")[:, 0].detach().cpu().numpy()
    relative: np.ndarray = maps / np.maximum(maps.max((1, 2), keepdims=True), np.finfo(np.float32).tiny)
    return relative


@torch.no_grad()
def _last_fine_convolution(classifier: Classifier, inputs: Tensor) -> nn.Module:
    """The convolution that runs last among those with enough cells, else the last of the finest."""
    found: list[tuple[int, nn.Module]] = []

    def note(module: nn.Module, _: Any, output: Tensor) -> None:
        found.append((min(output.shape[2:]), module))

    convolutions = [module for module in classifier.network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_hook(note) for module in convolutions]
    try:
        classifier.classify(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ModelError("Grad-CAM needs a convolution, and the network has none")
    enough = min(MIN_CELLS, max(cells for cells, _ in found))
    return [module for cells, module in found if cells >= enough][-1]
