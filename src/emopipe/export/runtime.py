"""The runtime of a bundle: a graph from decoded images of any size to probabilities.

Shapes: N images, H height, W width, C channels, K classes.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from emopipe.core.errors import DataError, ModelError
from emopipe.faces.decode import decode_image

GRAPH, INT8_GRAPH, DESCRIPTION = "model.onnx", "model.int8.onnx", "model.json"
MAX_PIXELS = 50_000_000
COLOURS = (1, 3, 4)


class Bundle:
    """An exported model.

    classes: names of the K outputs, in order. channels: C to which encoded images are decoded. files: contents of
    `DESCRIPTION` and the graph (under the name `GRAPH`).
    """

    def __init__(self, folder: Path, *, graph: str = GRAPH, num_threads: int = 0) -> None:
        """Open `folder`; `num_threads` 0 uses all cores. Raises `ModelError` if it is not a bundle."""
        try:
            text, model = (folder / DESCRIPTION).read_bytes(), (folder / graph).read_bytes()
            description = json.loads(text)
            self.classes: tuple[str, ...] = tuple(description["classes"])
            self.channels: int = description["image_channels"]
            options = ort.SessionOptions()
            options.intra_op_num_threads = num_threads
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            self.files = {DESCRIPTION: text, GRAPH: model}
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder} is not an exported model ({error}): run `dvc repro export`") from error

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, C), C 1, 3 or 4, to probabilities float32 (N, K); raises `DataError` for other arrays."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in COLOURS or 0 in images.shape[1:]:
            raise DataError(
                f"expected images uint8 (N, H, W, C) with C 1 (grey), 3 (RGB) or 4 (RGBA), "
                f"got {images.dtype} {images.shape}"
            )
        probabilities: np.ndarray = self._session.run(None, {"images": images})[0]
        return probabilities

    def predict_encoded(self, images: Sequence[bytes]) -> np.ndarray:
        """Encoded images (PNG, JPEG, ...) of any sizes to (N, K); raises `DataError` for one that does not decode."""
        decoded = (decode_image(image, channels=self.channels, max_pixels=MAX_PIXELS) for image in images)
        parts = [self.predict(image[None]) for image in decoded]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)
