"""Accuracy of slices of the faces: from dark to bright, low to high contrast, blurred to sharp, small to large."""

from typing import Any

import numpy as np
import pandas as pd

from emopipe.evaluate.metrics import wilson_interval
from emopipe.faces.png import decode_png
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import Faces
from emopipe.vision.image_stats import measure

MEASURES = ("brightness", "contrast", "sharpness", "size")
NUM_SLICES = 3


def slice_metrics(predictions: Predictions, faces: Faces) -> list[dict[str, Any]]:
    """A row per slice: `measure`, its range `low` to `high`, `num_faces`, `accuracy` and `accuracy_ci` (95 %, Wilson).

    faces: those of `predictions`, in the same order. `size` is the geometric mean of width and height in pixels, for
    the others see `emopipe.vision.image_stats`. A measure has up to three slices of about equal size; faces of one
    value are in one slice, so a measure that all faces share has none.
    """
    stats = measure(map(decode_png, faces.frame["png"])).frame
    stats["size"] = np.sqrt(faces.frame["width"].to_numpy() * faces.frame["height"].to_numpy())
    correct = predictions.probabilities.argmax(1) == predictions.labels
    return [row for name in MEASURES for row in _slices(name, stats[name], correct)]


def _slices(name: str, values: pd.Series, correct: np.ndarray) -> list[dict[str, Any]]:
    distinct = np.unique(values)
    quantiles = np.quantile(values, np.arange(1, NUM_SLICES) / NUM_SLICES, method="higher")
    edges = np.unique(np.maximum(quantiles, distinct[1])) if len(distinct) > 1 else ()
    rows = []
    for members in np.split(np.argsort(values, kind="stable"), np.searchsorted(np.sort(values), edges)):
        if len(members) == len(values):
            return []
        inside = correct[members]
        low, high = values.iloc[members].min(), values.iloc[members].max()
        accuracy = inside.mean()
        interval = [float(bound) for bound in wilson_interval(accuracy, np.array(len(inside)))]
        row = {"measure": name, "low": round(float(low), 4), "high": round(float(high), 4), "num_faces": len(inside)}
        rows.append(row | {"accuracy": float(accuracy), "accuracy_ci": interval})
    return rows
