"""Predictions of made-up models, written as one letter per test face."""

import numpy as np
import pandas as pd

from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import Predictions

NAMES = {"h": "happy", "s": "sad", "f": "fear"}
CLASSES = ("happy", "sad", "fear")


def answers(truth: str, said: str, *, sure: float = 0.9, times: int = 1, classes=CLASSES) -> Predictions:
    """`answers("hhs", "hsh")`: three test faces, of which the first is right; each `times` over, and one of val.

    sure: the probability of the answer.
    """
    truth, said = truth * times, said * times
    assert len(truth) == len(said)
    rest = (1 - sure) / (len(classes) - 1)
    rows = [[sure if NAMES[letter] == name else rest for name in classes] for letter in said]
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


def measured(name: str, *predictions: Predictions) -> ModelPredictions:
    """A model by its name."""
    return ModelPredictions(name=name, predictions=predictions)
