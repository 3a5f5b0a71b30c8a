"""Figures of a report: confusion matrix, curves, reliability, confident mistakes, training history.

Shapes: N faces, K classes. Titles may have several lines.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from emopipe.evaluate.fonts import use_fonts
from emopipe.evaluate.metrics import calibration_bins, wilson_interval

# On top of matplotlib's defaults, so that a user's matplotlibrc changes no byte.
STYLE: Any = [
    "default",
    {
        "font.size": 10,
        "axes.titlesize": 11,
        "figure.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "legend.frameon": False,
        "text.parse_math": False,
        "figure.dpi": 110,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.w_pad": 0.08,
        "figure.constrained_layout.h_pad": 0.08,
    },
]
# Distinct under colour blindness: at least 22 CIELAB units between any two, as simulated by Machado et al. (2009).
COLOURS = ("#4053d3", "#ddb310", "#b51d14", "#00beff", "#fb49b0", "#008b45", "#222222")
LINES = ("-", "--", ":", "-.")  # one style per round through the colours
QUIET = "#888888"

CELL = 0.68  # side of a cell of the confusion matrix; all lengths in inches
NARROWEST = 5.6  # width that leaves room for the title
LETTER = 0.09  # mean width of a letter
LEGEND_ROW = 0.2
IMAGE = 1.45  # side of an image on the sheet of mistakes
MOST_COLUMNS, FEWEST_COLUMNS = 8, 4  # of that sheet
PAIRS_PER_ROW = 3  # mistakes in a row of the sheet of attention
LONGEST_NAME = 13  # letters of a class that fit under an image


@style.context(STYLE)
def confusion_figure(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Counts, coloured by their share of the true class; (K, K) with the truth in rows. Empty cells are zero."""
    support = confusion.sum(1)
    shares = confusion / np.maximum(support, 1)[:, None]
    side, margin = CELL * len(classes), LETTER * max(map(len, classes))
    figure = Figure(figsize=(max(side + margin + 1.2, NARROWEST), side + margin + 1.3))
    figure.suptitle(title)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(confusion > 0):
        share = shares[row, column]
        colour = "white" if share > 0.62 else "#222222"
        text = f"{confusion[row, column]:,}\n{share:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), [f"{name} ({num:,})" for name, num in zip(classes, support, strict=True)])
    axes.set(xlabel="predicted", ylabel="truth (faces)")
    axes.tick_params(length=0)
    axes.spines[:].set(visible=True, color="#d5dce6")
    return figure


@style.context(STYLE)
def curves_figure(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Precision against recall, and ROC, one class against the rest; classes without faces are left out."""
    figure = Figure(figsize=(12, max(4.8, 1 + LEGEND_ROW * len(classes))))
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    for k, line in _present(labels, classes):
        truth, scores = labels == k, probabilities[:, k]
        precision, recall, _ = precision_recall_curve(truth, scores)
        false, true, _ = roc_curve(truth, scores)
        name = f"{classes[k]}: {average_precision_score(truth, scores):.2f}, {roc_auc_score(truth, scores):.2f}"
        left.plot(recall, precision, drawstyle="steps-post", label=name, **line)
        right.plot(false, true, **line)
    right.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":")
    left.set(xlabel="recall", ylabel="precision", title="Precision and recall", xlim=(0, 1.01), ylim=(0, 1.02))
    right.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC", xlim=(-0.01, 1), ylim=(0, 1.02))
    if left.lines:
        figure.legend(title="average precision, ROC area", loc="outside right upper", alignment="left", fontsize=9)
    else:
        left.text(0.5, 0.5, "no curves: all faces are of one class", ha="center")
    return figure


@style.context(STYLE)
def reliability_figure(probabilities: np.ndarray, labels: np.ndarray, title: str) -> Figure:
    """Accuracy against confidence in 15 bins, with 95 % Wilson intervals; below, the share of faces per bin."""
    confidence, gaps, shares = calibration_bins(probabilities.max(1), probabilities.argmax(1) == labels)
    width, filled = 1 / len(shares), shares > 0
    accuracy = (confidence + gaps)[filled]
    low, high = wilson_interval(accuracy, shares[filled] * len(labels))
    figure = Figure(figsize=(NARROWEST, 6.2))
    figure.suptitle(title)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    upper.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="perfectly calibrated")
    bars = (np.maximum(accuracy - low, 0), np.maximum(high - accuracy, 0))
    upper.errorbar(confidence[filled], accuracy, bars, fmt="o-", color=COLOURS[0], lw=1.5, elinewidth=1, label="model")
    upper.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    lower.bar((np.arange(len(shares)) + 0.5) * width, shares, width * 0.9, color="#bbbbbb")
    lower.set(xlabel="confidence", ylabel="share of faces", xlim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@style.context(STYLE)
def mistakes_figure(images: Sequence[np.ndarray], mistakes: Sequence[tuple[str, str, float]], title: str) -> Figure:
    """A sheet of images uint8 (H, W, C), each with true class, predicted class and its probability."""
    columns = min(max(len(images), FEWEST_COLUMNS), MOST_COLUMNS)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(IMAGE * columns, 0.7 + (IMAGE + 0.4) * rows))
    figure.suptitle(title)
    grid: Any = figure.subplots(rows, columns, squeeze=False).ravel() if rows else ()
    for axes in grid[len(images) :]:
        axes.set_visible(False)
    for axes, image, (truth, predicted, probability) in zip(grid, images, mistakes, strict=False):
        axes.imshow(image.squeeze(2) if image.shape[2] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_xlabel(f"{_shorten(truth)}\n→ {_shorten(predicted)} {probability:.0%}", fontsize=8.5)
    return figure


@style.context(STYLE)
def attention_figure(
    mistakes: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], captions: Sequence[tuple[str, str, str]], title: str
) -> Figure:
    """For each mistake the image (H, W, C), and on it the maps (S, S) in 0..1 of the predicted and of the true class.

    captions: of each of the three pictures.
    """
    columns = 3 * PAIRS_PER_ROW
    rows = -(-len(mistakes) // PAIRS_PER_ROW)
    figure = Figure(figsize=(IMAGE * columns, 0.7 + (IMAGE + 0.3) * rows))
    figure.suptitle(title)
    grid: Any = figure.subplots(rows, columns, squeeze=False).ravel() if rows else ()
    for axes in grid[3 * len(mistakes) :]:
        axes.set_visible(False)
    pictures = [(image, heat) for image, *maps in mistakes for heat in (None, *maps)]
    texts = [text for each in captions for text in each]
    for axes, (image, heat), text in zip(grid, pictures, texts, strict=False):
        height, width = image.shape[:2]
        extent = (0, width, height, 0)
        axes.imshow(image.squeeze(2) if image.shape[2] == 1 else image, cmap="gray", vmin=0, vmax=255, extent=extent)
        if heat is not None:
            axes.imshow(
                heat, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * heat, extent=extent, interpolation="bilinear"
            )
        axes.set(xticks=[], yticks=[], xlim=(0, width), ylim=(height, 0))
        axes.spines[:].set_visible(False)
        axes.set_xlabel(text, fontsize=8.5)
    return figure


@style.context(STYLE)
def training_figure(history: pd.DataFrame, best_epoch: int, title: str) -> Figure:
    """Losses and validation accuracy by epoch; `history` has the columns of history.csv."""
    figure = Figure(figsize=(11, 4.2))
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    epochs = history["epoch"]
    left.plot(epochs, history["train_loss"], ".-", color=COLOURS[1], label="training, with augmentation")
    left.plot(epochs, history["val_loss"], ".-", color=COLOURS[0], label="validation")
    left.set(ylabel="loss", ylim=(0, None))
    right.plot(epochs, history["val_accuracy"], ".-", color=COLOURS[0], label="validation")
    right.set(ylabel="accuracy", ylim=(0, 1.02))
    for axes in (left, right):
        axes.axvline(best_epoch, color=QUIET, lw=1, ls=":", label="best epoch")
        axes.set(xlabel="epoch", xlim=(0.5, max(len(epochs), 2) + 0.5))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="best", fontsize=9)
    return figure


@style.context(STYLE)
def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG, without date or version, so that the same figure gives the same bytes."""
    use_fonts(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _present(labels: np.ndarray, classes: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Classes that some but not all faces have, each with a line style that does not depend on the others."""
    for k in range(len(classes)):
        if 0 < (labels == k).sum() < len(labels):
            turn, place = divmod(k, len(COLOURS))
            yield k, {"color": COLOURS[place], "ls": LINES[turn % len(LINES)], "lw": 1.5}


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
