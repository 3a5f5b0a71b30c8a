"""The report of one model: figures, pictures, and tables for plots, for validation and test."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from emopipe.faces import Faces
from emopipe.figures import confusion_figure, curves_figure, mistakes_figure, reliability_figure
from emopipe.images import decode_png
from emopipe.metrics import evaluate_split
from emopipe.params import EvaluateParams
from emopipe.predictions import Predictions

SPLITS = ("val", "test")
CURVE_POINTS = 100


def build_report(model: str, predictions: Predictions, params: EvaluateParams, seed: int) -> dict[str, Any]:
    """The report of the contract, as plain JSON values."""
    parts = {name: predictions.split(name) for name in SPLITS}
    figures = {
        name: evaluate_split(
            part.probabilities, part.labels, part.classes, resamples=params.bootstrap_resamples, seed=seed
        )
        for name, part in parts.items()
    }
    return {"model": model, "classes": list(predictions.classes), **figures}


def draw_figures(
    report: dict[str, Any], predictions: Predictions, faces: Faces, num_mistakes: int
) -> Iterator[tuple[str, Figure]]:
    """File name and picture, one after the other; `faces` are those of `predictions`, in the same order."""
    classes = predictions.classes
    for split in SPLITS:
        part, figures = predictions.split(split), report[split]
        title = f"{report['model']}, {split}: {figures['num_faces']} faces"
        confusion = np.array(figures["confusion"])
        caption = f"{title}, accuracy {figures['accuracy']:.1%}, macro-F1 {figures['macro_f1']:.3f}"
        yield f"{split}_confusion.png", confusion_figure(confusion, classes, caption)
        yield f"{split}_curves.png", curves_figure(part.probabilities, part.labels, classes, title)
        reliability = reliability_figure(part.probabilities, part.labels, figures["ece"], f"{report['model']}, {split}")
        yield f"{split}_reliability.png", reliability
    yield "test_mistakes.png", _mistakes(report["model"], predictions, faces, num_mistakes)


def plot_tables(predictions: Predictions) -> dict[str, pd.DataFrame]:
    """Tables of the test split for DVC's plots: pairs of classes, and curves of one class against the rest."""
    part = predictions.split("test")
    names = np.array(part.classes)
    confusion = pd.DataFrame({"actual": names[part.labels], "predicted": names[part.probabilities.argmax(1)]})
    return {"confusion": confusion, "precision_recall": _curves(part, "pr"), "roc": _curves(part, "roc")}


def _curves(part: Predictions, kind: str) -> pd.DataFrame:
    tables = []
    for k, name in enumerate(part.classes):
        truth, scores = part.labels == k, part.probabilities[:, k]
        if truth.all() or not truth.any():
            continue
        if kind == "pr":
            precision, recall, _ = precision_recall_curve(truth, scores)
            table = pd.DataFrame({"class": name, "recall": recall, "precision": precision})
        else:
            false, true, _ = roc_curve(truth, scores)
            table = pd.DataFrame({"class": name, "false_positive_rate": false, "true_positive_rate": true})
        tables.append(_thin(table))
    return pd.concat(tables, ignore_index=True)


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    rows = np.unique(np.linspace(0, len(table) - 1, CURVE_POINTS).round().astype(int))
    return table.iloc[rows].round(5)


def _mistakes(model: str, predictions: Predictions, faces: Faces, num: int) -> Figure:
    labels, probabilities = predictions.labels, predictions.probabilities
    predicted = probabilities.argmax(1)
    wrong = np.flatnonzero((predicted != labels) & (predictions.frame["split"] == "test").to_numpy())
    worst = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")][:num]
    images = [decode_png(png) for png in faces.frame["png"].iloc[worst]]
    captions = [_caption(predictions.classes, labels[i], predicted[i], probabilities[i].max()) for i in worst]
    title = f"{model}, test: the {len(worst)} most confident of {len(wrong)} mistakes"
    return mistakes_figure(images, captions, title)


def _caption(classes: Sequence[str], truth: int, predicted: int, confidence: float) -> str:
    return f"{classes[predicted]} {confidence:.0%}\nnot {classes[truth]}"
