"""ROC and precision-recall curves as tables for DVC's plots: on test, one per class of a model, or one per model.

The column `curve` names the class or the model. A curve has at most 100 points, which lie evenly along it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from emopipe.faces.predictions import Predictions

NUM_POINTS = 100
ROC = ["curve", "false_positive_rate", "true_positive_rate"]
PRECISION_RECALL = ["curve", "recall", "precision"]


def class_curves(predictions: Predictions) -> dict[str, pd.DataFrame]:
    """Tables `precision_recall` and `roc` of each class against the rest; without classes that no or every face has."""
    truth, scores = _test_decisions(predictions)
    decisions = zip(predictions.classes, truth.T, scores.T, strict=True)
    return _tables({name: (truth, scores) for name, truth, scores in decisions if truth.any() and not truth.all()})


def model_curves(predictions: Mapping[str, Predictions]) -> dict[str, pd.DataFrame]:
    """Tables `precision_recall` and `roc` of each model: the micro-average, over all pairs of a face and a class."""
    decisions = {name: _test_decisions(each) for name, each in predictions.items()}
    return _tables({name: (truth.ravel(), scores.ravel()) for name, (truth, scores) in decisions.items()})


def _test_decisions(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Whether each test face is of each class, bool (N, K), and the probability (N, K) that it is."""
    part = predictions.split("test")
    return np.eye(len(part.classes), dtype=bool)[part.labels], part.probabilities


def _tables(decisions: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, pd.DataFrame]:
    """`decisions` maps the name of a curve to truth, bool (N,), and scores (N,)."""
    precision_recall, roc = [pd.DataFrame(columns=PRECISION_RECALL)], [pd.DataFrame(columns=ROC)]
    for name, (truth, scores) in decisions.items():
        precision, recall, _ = precision_recall_curve(truth, scores)
        precision_recall.append(_curve(name, PRECISION_RECALL, recall, precision))
        roc.append(_curve(name, ROC, *roc_curve(truth, scores)[:2]))
    tables = {"precision_recall": precision_recall, "roc": roc}
    return {kind: pd.concat(parts[1:] or parts, ignore_index=True) for kind, parts in tables.items()}


def _curve(name: str, columns: list[str], x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """At most `NUM_POINTS` points of a curve; x is monotone, and y but for the jitter of precision."""
    table = pd.DataFrame(dict(zip(columns, (name, x, y), strict=True))).round(5)
    if len(table) <= NUM_POINTS:
        return table
    steps = np.abs(np.diff(x)) + np.diff(np.maximum.accumulate(y))
    length = np.concatenate([[0.0], np.cumsum(steps)])
    return table.iloc[np.unique(np.searchsorted(length, np.linspace(0, length[-1], NUM_POINTS)))]
