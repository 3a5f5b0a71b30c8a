"""The MLflow model: this file is kept with each version and runs when the version is loaded ("models from code").

In: a table with the column `image`, encoded pictures as bytes. Out: a table with `label`, and one column per class with
its probability. It needs neither torch nor DVC.
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
    """Facial emotions from encoded pictures of single faces."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle."""
        self.bundle = Bundle(Path(context.artifacts["bundle"]))

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """One row per picture, in the order of the input; raises `MlflowException` for one that does not decode."""
        none = self.bundle.predict_encoded([])
        parts = [self._one(row, picture) for row, picture in enumerate(model_input["image"])]
        probabilities = np.concatenate([none, *parts])
        table = pd.DataFrame(probabilities, columns=list(self.bundle.classes))
        table.insert(0, "label", [self.bundle.classes[k] for k in probabilities.argmax(1)])
        return table

    def _one(self, row: int, picture: bytes) -> np.ndarray:
        """Probabilities (1, K); what is no picture is the fault of who asks, which MLflow's server makes status 400."""
        try:
            return self.bundle.predict_encoded([picture])
        except DataError as error:
            raise MlflowException.invalid_parameter_value(
                f"image {row}: {error}; expected PNG, JPEG, BMP or WebP, over HTTP in base64"
            ) from error


set_model(EmotionModel())
