"""Classification networks of ultralytics (AGPL-3.0, an extra), built from their definitions, without weights."""

import os
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from emopipe.core.errors import ModelError
from emopipe.training.model_names import missing_ultralytics, unknown_network

SIZE, CHANNELS = 64, 3  # the input of ultralytics' own predictor

ENVIRONMENT = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    # The default is in the home folder.
    "YOLO_CONFIG_DIR": str(Path(tempfile.gettempdir()) / f"emopipe-ultralytics-{os.getuid()}"),
}


class Logits(nn.Module):
    """Logits of an ultralytics classifier, which returns (probabilities, logits) in evaluation mode."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, 3, S, S) to logits (N, K)."""
        output: Any = self.network(x)
        logits: Tensor = output[1] if isinstance(output, tuple) else output
        return logits


def ultralytics_network(name: str, num_classes: int) -> nn.Module:
    """Build `name`, such as `yolov8n-cls`; raises `ModelError` for an unknown name, or without ultralytics."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    from PIL import Image

    opener = Image.open
    try:
        from ultralytics.nn.tasks import ClassificationModel
    except ImportError as error:
        raise ModelError(f"models: {missing_ultralytics(name)}") from error
    Image.open = opener  # ultralytics replaces it by one that installs a package if an image does not decode
    try:
        network = ClassificationModel(f"{name}.yaml", ch=CHANNELS, nc=num_classes, verbose=False)
    except FileNotFoundError as error:
        raise ModelError(f"models: {unknown_network(name)}") from error
    return Logits(network)
