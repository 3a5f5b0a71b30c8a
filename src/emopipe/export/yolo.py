"""A network of ultralytics as a `.pt` checkpoint for `YOLO(...)` and `yolo predict`.

The file is a pickle, which this project writes but never reads.
"""

import copy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from emopipe.training.checkpoint import TrainedModel
from emopipe.training.model_names import SUFFIX
from emopipe.training.networks.ultralytics_networks import Logits


def save_yolo(model: TrainedModel, path: Path) -> bool:
    """Write `path` if the network is one of ultralytics; returns whether it is.

    Resizing and normalisation become the transforms of the model, the temperature scales its last layer. Test-time
    augmentation has no equivalent there.
    """
    classifier = model.classifier
    if not classifier.architecture.name.endswith(SUFFIX):
        return False
    assert isinstance(classifier.network, Logits)
    network: Any = copy.deepcopy(classifier.network.network).cpu().to(memory_format=torch.contiguous_format).eval()
    head = network.model[-1].linear
    with torch.no_grad():
        head.weight /= classifier.temperature
        head.bias /= classifier.temperature
    arguments = {"task": "classify", "imgsz": classifier.architecture.size, "model": classifier.architecture.name}
    network.names = dict(enumerate(model.classes))
    network.args, network.task, network.transforms = arguments, "classify", _transforms(model)
    checkpoint = {
        "epoch": -1,
        "model": network,
        "ema": None,
        "optimizer": None,
        "train_args": arguments,
        "version": version("ultralytics"),
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
    }
    torch.save(checkpoint, path)
    return True


def _transforms(model: TrainedModel) -> Any:
    """The preprocessing as the transforms of ultralytics' predictor: resize, crop, scale, normalise."""
    from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

    spec = model.classifier.preprocess.spec
    sides = (spec.size, spec.size)
    normalise = Normalize(mean=torch.full((spec.channels,), spec.mean), std=torch.full((spec.channels,), spec.std))
    return Compose([Resize(sides), CenterCrop(sides), ToTensor(), normalise])
