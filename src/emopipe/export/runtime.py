"""The runtime of a bundle: a graph from decoded images of any size to probabilities.

Shapes: N images, H height, W width, C channels, K classes.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from emopipe.core.boundary import reading
from emopipe.core.errors import DataError, ModelError
from emopipe.faces.decode import decode_image

GRAPH, INT8_GRAPH, DESCRIPTION = "model.onnx", "model.int8.onnx", "model.json"
MAX_PIXELS = 50_000_000
CHANNELS, COLOURS = (1, 3), (1, 3, 4)
"""Channels of models, and of images."""
_FATAL = 4
"""The only severity that ONNX Runtime logs: what it finds is raised as well."""
_REMEDY = "run `dvc repro export`, or name another with --model"
UNCERTAIN_BELOW = 0.5
"""For a bundle without a threshold of its own."""


class Bundle:
    """An exported model.

    classes: names of the K outputs, in order. channels: C to which encoded images are decoded. uncertain_below: top
    probability below which a prediction is uncertain. description: `DESCRIPTION`, read. files: contents of
    `DESCRIPTION` and the graph (under the name `GRAPH`).
    """

    def __init__(self, folder: Path, *, graph: str = GRAPH, num_threads: int = 0) -> None:
        """Open `folder`; `num_threads` 0 uses all cores.

        Raises `ModelError` if it is not a bundle, or if the graph is not the one that its description names by sha256.
        """
        with reading(f"{folder} is not an exported model", _REMEDY, ModelError):
            text, model = (folder / DESCRIPTION).read_bytes(), (folder / graph).read_bytes()
            self.description: dict[str, Any] = json.loads(text)
            self.classes: tuple[str, ...] = tuple(self.description["classes"])
            self.channels: int = self.description["image_channels"]
            self.uncertain_below: float = self.description.get("uncertain_below", UNCERTAIN_BELOW)
            expected = self.description.get("sha256", {}).get(graph)
            if expected not in (None, hashlib.sha256(model).hexdigest()):
                raise ValueError(f"{graph} is damaged: its sha256 is not that of {DESCRIPTION}")
            self._check()
            options = ort.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = num_threads, _FATAL
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self.files = {DESCRIPTION: text, GRAPH: model}

    def _check(self) -> None:
        """Raise `ValueError` where the description has values of the wrong kind."""
        is_name = [isinstance(name, str) for name in self.classes]
        if not is_name or not all(is_name) or len(set(self.classes)) < len(self.classes):
            raise ValueError("classes is no list of different names")
        if self.channels not in CHANNELS:
            raise ValueError(f"image_channels is {self.channels!r}, expected 1 or 3")
        if not isinstance(self.uncertain_below, int | float):
            raise ValueError(f"uncertain_below is {self.uncertain_below!r}, expected a number")

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, C), C 1, 3 or 4, to probabilities float32 (N, K); raises `DataError` for other arrays."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in COLOURS or 0 in images.shape[1:]:
            raise DataError(
                f"expected images uint8 (N, H, W, C) with C 1 (grey), 3 (RGB) or 4 (RGBA), "
                f"got {images.dtype} {images.shape}"
            )
        with reading("the exported model does not run", _REMEDY, ModelError):
            probabilities: np.ndarray = self._session.run(["probabilities"], {"images": images})[0]
            if probabilities.shape != (len(images), len(self.classes)) or probabilities.dtype != np.float32:
                raise ValueError(f"its output is {probabilities.dtype} {probabilities.shape}")
        return probabilities

    def predict_encoded(self, images: Sequence[bytes]) -> np.ndarray:
        """Encoded images (PNG, JPEG, ...) of any sizes to (N, K); raises `DataError` for one that does not decode."""
        decoded = (decode_image(image, channels=self.channels, max_pixels=MAX_PIXELS) for image in images)
        parts = [self.predict(image[None]) for image in decoded]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)
