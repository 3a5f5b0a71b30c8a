"""Predictions of made-up models, written as one letter per test face."""

import numpy as np
import pandas as pd

from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import Predictions

NAMES = {"h": "happy", "s": "sad", "f": "fear"}
CLASSES = ("happy", "sad", "fear")
SAME_AS_TORCH = {"agreement": 1.0, "max_probability_difference": 2e-6}
EXPORT = {"model": "cnn", "parity": {"onnx": SAME_AS_TORCH, "onnx_one_by_one": SAME_AS_TORCH}}
"""What `emopipe check` reads of reports/export.json."""


def predict(truth: str, predicted: str, *, sure: float = 0.9, times: int = 1, classes=CLASSES) -> Predictions:
    """`predict("hhs", "hsh")`: three test faces, the first classified correctly; each `times` over, and one of val.

    sure: the probability of the predicted class.
    """
    truth, predicted = truth * times, predicted * times
    assert len(truth) == len(predicted)
    rest = (1 - sure) / (len(classes) - 1)
    rows = [[sure if NAMES[letter] == name else rest for name in classes] for letter in predicted]
    rows.append([1 / len(classes)] * len(classes))
    return Predictions(
        pd.concat(
            [
                pd.DataFrame(
                    {
                        "id": [f"{number:032x}" for number in range(len(rows))],
                        "split": [*["test"] * len(truth), "val"],
                        "label": [*(NAMES[letter] for letter in truth), "happy"],
                    }
                ),
                pd.DataFrame(np.array(rows, np.float32), columns=list(classes)),
            ],
            axis=1,
        ),
        tuple(classes),
    )


def evaluated(name: str, *predictions: Predictions) -> ModelPredictions:
    """A model by its name."""
    return ModelPredictions(name=name, predictions=predictions)
