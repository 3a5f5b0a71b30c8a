"""Classification networks of ultralytics (AGPL-3.0, an extra), built from their own definitions, without weights."""

import os
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from emopipe.core.errors import ModelError

SUFFIX = "-cls"
SIZE, CHANNELS = 64, 3  # what ultralytics' own predictor feeds to these networks, whatever it is given

ENVIRONMENT = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    # Otherwise it writes to the home folder.
    "YOLO_CONFIG_DIR": str(Path(tempfile.gettempdir()) / f"emopipe-ultralytics-{os.getuid()}"),
}


class Logits(nn.Module):
    """ultralytics' classifier, which returns logits in training and (probabilities, logits) else, as plain logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Float (N, 3, S, S) to logits (N, K)."""
        output: Any = self.network(x)
        logits: Tensor = output[1] if isinstance(output, tuple) else output
        return logits


def ultralytics_network(name: str, num_classes: int) -> nn.Module:
    """Build `name`, such as `yolov8n-cls`. Raises `ModelError` for an unknown name, or without ultralytics."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    from PIL import Image

    opener = Image.open
    try:
        from ultralytics.nn.tasks import ClassificationModel
    except ImportError as error:
        raise ModelError(
            f"models: {name} needs ultralytics (AGPL-3.0): `pip install ultralytics`, or take it out"
        ) from error
    Image.open = opener  # ultralytics replaces it by one that wants to install a package when a picture does not decode
    try:
        network = ClassificationModel(f"{name}.yaml", ch=CHANNELS, nc=num_classes, verbose=False)
    except FileNotFoundError as error:
        raise ModelError(f"models: ultralytics has no network {name!r}; it has yolov8n-cls") from error
    return Logits(network)
