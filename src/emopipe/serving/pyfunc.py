"""The MLflow model: this file is kept with each version and runs when the version is loaded ("models from code").

In: a table with the column `image`, encoded pictures as bytes. Out: a table with `label`, and one column per class with
its probability. It needs neither torch nor DVC.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from emopipe.serving.bundle import Bundle


class EmotionModel(PythonModel):
    """Facial emotions from encoded pictures of single faces."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the bundle."""
        self.bundle = Bundle(Path(context.artifacts["bundle"]))

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """One row per picture, in the order of the input."""
        probabilities = self.bundle.predict_encoded(list(model_input["image"]))
        table = pd.DataFrame(probabilities, columns=list(self.bundle.classes))
        table.insert(0, "label", [self.bundle.classes[k] for k in probabilities.argmax(1)])
        return table


set_model(EmotionModel())
