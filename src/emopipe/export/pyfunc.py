"""The MLflow model ("models from code"): MLflow stores this file with each version, and runs it to load the version.

Input: a table with the column `image`, encoded images as bytes. Output: a table with `label`, and a column of
probabilities per class. It needs neither torch nor DVC.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from emopipe.core.errors import DataError
from emopipe.export.runtime import Bundle


class EmotionModel(PythonModel):
    """Facial emotions from encoded images of single faces."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle."""
        self.bundle = Bundle(Path(context.artifacts["bundle"]))

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """One row per image, in the order of the input; raises `MlflowException` for one that does not decode."""
        parts = [self._predict_row(row, image) for row, image in enumerate(model_input["image"])]
        probabilities = np.concatenate([self.bundle.predict_encoded([]), *parts])  # (0, K) for an empty table
        table = pd.DataFrame(probabilities, columns=list(self.bundle.classes))
        table.insert(0, "label", [self.bundle.classes[k] for k in probabilities.argmax(1)])
        return table

    def _predict_row(self, row: int, image: bytes) -> np.ndarray:
        """Probabilities (1, K); MLflow's server turns the exception into status 400."""
        try:
            return self.bundle.predict_encoded([image])
        except DataError as error:
            raise MlflowException.invalid_parameter_value(
                f"image {row}: {error}; expected PNG, JPEG, BMP or WebP, over HTTP in base64"
            ) from error


set_model(EmotionModel())
