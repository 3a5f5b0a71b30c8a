"""The exported graph: preprocessing, network and softmax, for images of any size.

Shapes: N images, H height, W width, C channels, K classes.
"""

import logging
import warnings
from pathlib import Path

import torch
from onnxscript.ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn

from emopipe.training.classifier import Classifier

OPSET = 20
EXAMPLE = (2, 57, 61, 3)  # N, H, W, C: sides that differ from each other and from any network's stay dynamic
MAX_SIDE = 8192
LUMA = (19595, 38470, 7471)


class ExportGraph(nn.Module):
    """uint8 (N, H, W, C), grey, RGB or RGBA, to probabilities (N, K) of a classifier of `channels` channels."""

    def __init__(self, classifier: Classifier, channels: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.channels = channels

    def forward(self, images: Tensor) -> Tensor:
        probabilities: Tensor = self.classifier.probabilities(fit_channels(images, self.channels))
        return probabilities


def fit_channels(images: Tensor, channels: int) -> Tensor:
    """uint8 (N, H, W, C) to (N, H, W, `channels`): grey is repeated, alpha dropped, colour converted as in Pillow."""
    if channels != 1:
        return images.index_select(3, torch.arange(3).clamp(max=images.shape[3] - 1))
    grey: Tensor = torch.cond(images.shape[3] < 3, _grey, _luma, (images,))  # no conversion of grey images
    return grey[..., None]


def _grey(images: Tensor) -> Tensor:
    return _channel(images, 0)


def _luma(images: Tensor) -> Tensor:
    """Pillow's luma, ITU-R BT.601 in integers over 2^16; its sums are exact in floats."""
    red, green, blue = (LUMA[k] * _channel(images, k) for k in range(3))
    return ((red + green + blue + 32768) / 65536).floor()


def _channel(images: Tensor, index: int) -> Tensor:
    """Float (N, H, W); a slice, because plain indexing becomes a slow lookup per pixel."""
    return images[..., index : index + 1].reshape(images.shape[:3]).float()


def export_onnx(classifier: Classifier, channels: int, path: Path) -> None:
    """Write the graph of a classifier of `channels` channels to `path`, one file."""
    example = torch.zeros(EXAMPLE, dtype=torch.uint8)
    free = {
        0: torch.export.Dim("num_faces", min=1),
        1: torch.export.Dim("height", min=2, max=MAX_SIDE),
        2: torch.export.Dim("width", min=2, max=MAX_SIDE),
        3: torch.export.Dim("channels", min=1, max=4),
    }
    graph = ExportGraph(classifier.to("cpu").to(memory_format=torch.contiguous_format), channels).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            dynamic_shapes={"images": free},
            input_names=["images"],
            output_names=["probabilities"],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    ClearMetadataAndDocStringPass()(program.model)  # stack traces with local paths
    program.save(str(path), external_data=False)
