"""The report of one model: metrics, figures, and tables for plots, on validation and test."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from emopipe.evaluate.attention import grad_cam
from emopipe.evaluate.curves import class_curves
from emopipe.evaluate.figures import (
    attention_figure,
    confusion_figure,
    curves_figure,
    mistakes_figure,
    png_bytes,
    reliability_figure,
    training_figure,
)
from emopipe.evaluate.fonts import legible_names
from emopipe.evaluate.metrics import calibration_metrics, evaluate_split
from emopipe.evaluate.params import EvaluateParams
from emopipe.evaluate.slices import slice_metrics
from emopipe.faces.png import decode_png
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import HELD_OUT, Faces
from emopipe.training.calibration import uncalibrated
from emopipe.training.classifier import Classifier

MAX_PAIRS = 12
"""Mistakes on the sheet of attention."""


def build_report(
    model: str,
    predictions: Predictions,
    faces: Faces,
    params: EvaluateParams,
    seed: int,
    *,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The report, as plain JSON values; `about` describes the model: its size, training, members of an ensemble.

    `faces` are those of `predictions`, in the same order.

    With a `temperature` in `about`, each split also has `uncalibrated`: the metrics before temperature scaling.
    """
    parts = {name: predictions.split(name) for name in HELD_OUT}
    metrics = {
        name: evaluate_split(
            part.probabilities, part.labels, part.classes, resamples=params.bootstrap_resamples, seed=seed
        )
        for name, part in parts.items()
    }
    if "temperature" in about:
        for name, part in parts.items():
            before = uncalibrated(part.probabilities, about["temperature"])
            metrics[name]["uncalibrated"] = calibration_metrics(before, part.labels)
    metrics["test"]["slices"] = slice_metrics(parts["test"], faces.split("test"))
    return {"model": model, "classes": list(predictions.classes), **about, **metrics}


def draw_figures(
    report: dict[str, Any], predictions: Predictions, faces: Faces, num_mistakes: int
) -> Iterator[tuple[str, bytes]]:
    """File names and PNGs; `faces` are those of `predictions`, in the same order."""
    classes = legible_names(predictions.classes)
    for split in HELD_OUT:
        part, metrics = predictions.split(split), report[split]
        title = f"{report['model']}, {split}: {metrics['num_faces']:,} faces"
        confusion = np.array(metrics["confusion"])
        figures = {
            "confusion": confusion_figure(confusion, classes, f"{title}\n{_scores(metrics)}"),
            "curves": curves_figure(part.probabilities, part.labels, classes, title),
            "reliability": reliability_figure(part.probabilities, part.labels, f"{title}\n{_calibration(metrics)}"),
        }
        yield from ((f"{split}_{name}.png", png_bytes(figure)) for name, figure in figures.items())
    yield "test_mistakes.png", png_bytes(_mistakes(report["model"], predictions, faces, num_mistakes, classes))


def draw_training(model: str, history: pd.DataFrame, best_epoch: int) -> tuple[str, bytes]:
    """File name and PNG of the learning curves; `history` has the columns of history.csv."""
    title = f"{model}: best on validation in epoch {best_epoch} of {len(history)}"
    return "training.png", png_bytes(training_figure(history, best_epoch, title))


def draw_attention(
    model: str, classifier: Classifier, predictions: Predictions, faces: Faces, num: int
) -> tuple[str, bytes]:
    """File name and PNG of Grad-CAM on the most confident mistake of each pair of classes in test, at most `num`.

    Raises `ModelError` for a network without a convolution.
    """
    labels, predicted, confidence = (
        predictions.labels,
        predictions.probabilities.argmax(1),
        predictions.probabilities.max(1),
    )
    wrong = np.flatnonzero((predicted != labels) & (predictions.frame["split"] == "test").to_numpy())
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    first = np.unique(labels[wrong] * len(predictions.classes) + predicted[wrong], return_index=True)[1]
    shown = wrong[np.sort(first)][: min(num, MAX_PAIRS)]
    images = [decode_png(png) for png in faces.frame["png"].iloc[shown]]
    maps = [
        [grad_cam(classifier, image[None], np.array([target]))[0] for target in (predicted[row], labels[row])]
        for row, image in zip(shown, images, strict=True)
    ]
    names = np.array(legible_names(predictions.classes))
    captions = [
        (
            f"truth: {names[labels[row]]}",
            f"for {names[predicted[row]]}, {confidence[row]:.0%}",
            f"for {names[labels[row]]}",
        )
        for row in shown
    ]
    mistakes = [(image, *both) for image, both in zip(images, maps, strict=True)]
    title = f"{model}, test: where the network sees evidence (Grad-CAM)\nmost confident mistake of each pair of classes"
    return "test_attention.png", png_bytes(attention_figure(mistakes, captions, title))


def plot_tables(predictions: Predictions, history: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables for DVC's plots: true and predicted classes and curves of test, and the losses by epoch.

    Where a table holds several curves, its column `curve` names them: a class against the rest, or a split.
    """
    part = predictions.split("test")
    names = np.array(part.classes)
    losses = history.rename(columns={"train_loss": "train", "val_loss": "val"})
    return {
        "confusion": pd.DataFrame({"actual": names[part.labels], "predicted": names[part.probabilities.argmax(1)]}),
        **class_curves(predictions),
        "training": losses.melt("epoch", ["train", "val"], var_name="curve", value_name="loss").round(5),
    }


def _scores(metrics: dict[str, Any]) -> str:
    low, high = metrics["accuracy_ci"]
    scores = f"accuracy {metrics['accuracy']:.1%} ({low:.1%} to {high:.1%})"
    low, high = metrics["macro_f1_ci"]
    return f"{scores}, macro-F1 {metrics['macro_f1']:.3f} ({low:.3f} to {high:.3f})"


def _calibration(metrics: dict[str, Any]) -> str:
    before = f", {metrics['uncalibrated']['ece']:.3f} before calibration" if "uncalibrated" in metrics else ""
    return f"expected calibration error {metrics['ece']:.3f}{before}"


def _mistakes(model: str, predictions: Predictions, faces: Faces, num: int, classes: Sequence[str]) -> Figure:
    labels, probabilities = predictions.labels, predictions.probabilities
    predicted = probabilities.argmax(1)
    wrong = np.flatnonzero((predicted != labels) & (predictions.frame["split"] == "test").to_numpy())
    worst = wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")][:num]
    images = [decode_png(png) for png in faces.frame["png"].iloc[worst]]
    names = np.array(classes)
    mistakes = list(zip(names[labels[worst]], names[predicted[worst]], probabilities[worst].max(1), strict=True))
    num_faces = int((predictions.frame["split"] == "test").sum())
    return mistakes_figure(images, mistakes, f"{model}, test: {_extent(len(worst), len(wrong), num_faces)}")


def _extent(num_shown: int, num_wrong: int, num_faces: int) -> str:
    if not num_wrong:
        return f"no mistakes in {num_faces:,} faces"
    shown = f"the {num_shown} most confident of {num_wrong:,} mistakes" if num_shown < num_wrong else "every mistake"
    return f"{shown} in {num_faces:,} faces\ntruth → prediction, with its probability"
