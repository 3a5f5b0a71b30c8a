"""The MLflow model ("models from code"): MLflow stores this file with each version, and runs it to load the version.

Input: a table with the column `image`. Output: a table with `label`, and a column of probabilities per class; or the
labels alone. It needs neither torch nor DVC.
"""

import base64
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from PIL import Image, ImageOps

from emopipe.core.errors import DataError
from emopipe.export.runtime import Bundle

OUTPUTS = ("table", "label")
ACCEPTED = (
    "encoded bytes, base64 text, a pathlib.Path, a dict with bytes, a PIL image, or an array uint8 (H, W) or (H, W, C)"
)
PNG_MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")


class EmotionModel(PythonModel):
    """Facial emotions from images of single faces."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle."""
        self.bundle = Bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame | np.ndarray:
        """One row per image, in the order of the input.

        params: `output` is `table`, `label`, or `configured`: that of the model's configuration. Raises
        `MlflowException` for another, and for an image that is not usable.
        """
        output = (params or {}).get("output", "configured")
        if output == "configured":
            output = context.model_config["output"]
        if output not in OUTPUTS:
            raise MlflowException.invalid_parameter_value(f"output: expected one of {', '.join(OUTPUTS)}, got {output}")
        parts = [self._predict_row(row, image) for row, image in enumerate(model_input["image"])]
        probabilities = np.concatenate([self.bundle.predict_encoded([]), *parts])  # (0, K) for an empty table
        labels: np.ndarray = np.array(self.bundle.classes)[probabilities.argmax(1)]
        if output == "label":
            return labels
        table = pd.DataFrame(probabilities, columns=list(self.bundle.classes))
        table.insert(0, "label", labels)
        return table

    def _predict_row(self, row: int, image: Any) -> np.ndarray:
        """Probabilities (1, K); MLflow's server turns the exception into status 400."""
        try:
            return self.bundle.predict_encoded([encoded(image)])
        except TypeError as error:
            raise MlflowException.invalid_parameter_value(f"image {row}: expected {ACCEPTED}, got {error}") from error
        except DataError as error:
            raise MlflowException.invalid_parameter_value(
                f"image {row}: {error}; expected PNG, JPEG, BMP or WebP, over HTTP in base64"
            ) from error


def encoded(image: Any) -> bytes:
    """An image in any of the forms `ACCEPTED` as an encoded file; raises `TypeError` for another, `DataError` if lost.

    Text is never a path, so that no request makes a server read its own files.
    """
    match image:
        case bytes() | bytearray() | memoryview():
            return bytes(image)
        case {"bytes": bytes() | bytearray() | memoryview() | str() as content}:
            return encoded(content)
        case str():
            return _from_base64(image)
        case Path():
            return _from_file(image)
        case Image.Image():
            return _upright(image)
        case np.ndarray(dtype=np.uint8, shape=(_, _) | (_, _, 1 | 3 | 4)) if image.size:
            return _as_png(Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image))
        case np.ndarray():
            raise TypeError(f"an array {image.dtype} {image.shape}")
        case dict():
            raise TypeError(f"a dict of {', '.join(map(str, image)) or 'nothing'}")
    raise TypeError(type(image).__name__)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise TypeError("text that is not base64") from error


def _from_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} is not readable ({error.strerror})") from error


def _upright(image: Image.Image) -> bytes:
    try:
        return _as_png(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise DataError("the PIL image does not load") from error


def _as_png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    (image if image.mode in PNG_MODES else image.convert("RGB")).save(content, "PNG", compress_level=0)
    return content.getvalue()


set_model(EmotionModel())
