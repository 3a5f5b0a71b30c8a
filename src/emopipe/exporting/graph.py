"""The exported graph: preprocessing, network and softmax in one, for pictures of any size.

Shapes: N pictures, H height, W width, C channels, K classes.
"""

import logging
import warnings
from pathlib import Path

import torch
from onnxscript.ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn

from emopipe.training.classifier import Classifier

OPSET = 20
EXAMPLE = (2, 57, 61)  # N, H, W: unlike each other and unlike any network's size, so that none is frozen in
MAX_SIDE = 8192


class ExportGraph(nn.Module):
    """uint8 (N, H, W, C) to probabilities (N, K)."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities, which add up to 1."""
        probabilities: Tensor = self.classifier.probabilities(images)
        return probabilities


def export_onnx(classifier: Classifier, channels: int, path: Path) -> None:
    """Write the graph for pictures with `channels` channels to `path`, in one file."""
    num, height, width = EXAMPLE
    example = torch.zeros(num, height, width, channels, dtype=torch.uint8)
    free = {
        0: torch.export.Dim("num_faces", min=1),
        1: torch.export.Dim("height", min=2, max=MAX_SIDE),
        2: torch.export.Dim("width", min=2, max=MAX_SIDE),
    }
    graph = ExportGraph(classifier.to("cpu").to(memory_format=torch.contiguous_format)).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notices of the exporter about itself
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
    ClearMetadataAndDocStringPass()(program.model)  # stack traces, with the paths of this machine in them
    program.save(str(path), external_data=False)
