"""The released model as a start: its graph holds the weights of a `cnn` that knows real faces.

Shapes: N faces, D channels, S side.
"""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from emopipe.core.errors import ModelError
from emopipe.training.networks.initial_weights import InitialWeights

MODEL = "cnn"
GRAPH = Path(__file__).parents[1] / "inference" / "released" / "model.onnx"
SHA256 = "cbfb74b92ba2d7ef32b49cf9879824e1860ab942a154d7a10f7f87ab26c07d47"
"""Of `GRAPH`: another released model is another start, so the stage has to run again."""
PREFIX, WEIGHT, BIAS = "classifier.network.", ".weight", ".weight_bias"
"""Names in the graph: the exporter has folded each batch norm into the convolution before it, with a bias."""


def released_weights(model: str) -> InitialWeights:
    """The weights of the released model; raises `ModelError` if `model` is another network, or the file is damaged.

    A batch norm keeps the folded bias and changes nothing else, until `restore_statistics` is called.
    """
    import onnx
    from onnx import numpy_helper

    if model != MODEL:
        raise ModelError(f"train.pretrained.{model}: the released model is a {MODEL}")
    content = GRAPH.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise ModelError(f"train.pretrained.{model}: {GRAPH} has sha256 {digest}, expected {SHA256}: install it again")
    named = {each.name: each for each in onnx.load_from_string(content).graph.initializer}
    arrays = {
        name.removeprefix(PREFIX): torch.from_numpy(numpy_helper.to_array(each).copy())
        for name, each in named.items()
        if name.startswith(PREFIX)
    }
    tensors = {name: value for name, value in arrays.items() if not name.endswith(BIAS)}
    for name, bias in arrays.items():
        if name.endswith(BIAS):
            tensors |= _batch_norm(name.removesuffix(BIAS), bias)
    return InitialWeights(tensors=tensors, source="released", sha256=digest, has_statistics=False)


def _batch_norm(convolution: str, bias: Tensor) -> dict[str, Tensor]:
    """The state of the batch norm after a convolution, which adds `bias`."""
    *path, number = convolution.split(".")
    name = ".".join([*path, str(int(number) + 1)])
    ones, zeros = torch.ones_like(bias), torch.zeros_like(bias)
    variance = ones - nn.BatchNorm2d(1).eps
    state = {"weight": ones, "bias": bias, "running_mean": zeros, "running_var": variance}
    return {f"{name}.{key}": value for key, value in state.items()} | {f"{name}.num_batches_tracked": torch.tensor(0)}


@torch.no_grad()
def restore_statistics(network: nn.Module, inputs: Tensor) -> None:
    """Give every batch norm the statistics of `inputs`, float (N, D, S, S); the network computes the same as before.

    Without them the first training steps, which normalise by the statistics of a batch, compute something else.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_restore) for norm in norms]
    was_training = network.training
    try:
        network.eval()(inputs)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()


def _restore(norm: nn.BatchNorm2d, arguments: tuple[Tensor]) -> None:
    (values,) = arguments
    assert norm.running_mean is not None and norm.running_var is not None
    variance, mean = torch.var_mean(values, (0, 2, 3), correction=0)
    slope = norm.weight / (norm.running_var + norm.eps).sqrt()
    norm.bias.add_(slope * (mean - norm.running_mean))
    norm.weight.copy_(slope * (variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
