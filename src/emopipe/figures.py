"""Pictures of a report: confusion matrix, curves, reliability, confident mistakes.

Shapes: N faces, K classes.
"""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from emopipe.metrics import calibration_bins

STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "figure.dpi": 110,
    "svg.hashsalt": "emopipe",
}
COLOURS = ("#4053d3", "#ddb310", "#b51d14", "#00beff", "#fb49b0", "#00b25d", "#7f7f7f")  # apart for colour-blind eyes
COLUMNS = 8  # of the sheet of mistakes


def confusion_figure(confusion: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Counts, coloured by the share of the true class; (K, K) with the truth in rows."""
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    with mpl.rc_context(STYLE):
        side = 2.2 + 0.75 * len(classes)
        figure = Figure(figsize=(side, side * 0.9), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(confusion):
            colour = "white" if shares[row, column] > 0.55 else "#333333"
            text = f"{count}\n{shares[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
        axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
        axes.set_yticks(range(len(classes)), classes)
        axes.set(xlabel="predicted", ylabel="truth", title=title)
        axes.spines[:].set_visible(False)
    return figure


def curves_figure(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Precision against recall, and ROC, one class against the rest; classes without faces are left out."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5), layout="constrained")
        left, right = figure.subplots(1, 2)
        for k, colour in _present(labels, classes):
            truth, scores = labels == k, probabilities[:, k]
            precision, recall, _ = precision_recall_curve(truth, scores)
            name = f"{classes[k]}  AP {average_precision_score(truth, scores):.2f}"
            left.plot(recall, precision, color=colour, lw=1.5, label=name)
            false, true, _ = roc_curve(truth, scores)
            name = f"{classes[k]}  AUC {roc_auc_score(truth, scores):.2f}"
            right.plot(false, true, color=colour, lw=1.5, label=name)
        right.plot([0, 1], [0, 1], color="#bbbbbb", lw=1, ls=":")
        left.set(xlabel="recall", ylabel="precision", title="Precision and recall", xlim=(0, 1), ylim=(0, 1.02))
        right.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC", xlim=(0, 1), ylim=(0, 1.02))
        for axes, place in ((left, "lower left"), (right, "lower right")):
            axes.legend(frameon=False, fontsize=9, loc=place)
        figure.suptitle(title)
    return figure


def reliability_figure(probabilities: np.ndarray, labels: np.ndarray, ece: float, title: str) -> Figure:
    """Accuracy against confidence in 15 bins, with the share of faces in each below."""
    confidence, gaps, shares = calibration_bins(probabilities, labels)
    width = 1 / len(shares)
    centres = (np.arange(len(shares)) + 0.5) * width
    met = shares > 0
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5, 5.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
        upper.bar(centres[met], (confidence + gaps)[met], width * 0.9, color=COLOURS[0], label="accuracy")
        upper.plot([0, 1], [0, 1], color="#888888", ls=":", label="perfectly calibrated")
        upper.set(ylabel="accuracy", ylim=(0, 1), title=f"{title}: ECE {ece:.3f}")
        upper.legend(frameon=False, loc="upper left")
        lower.bar(centres, shares, width * 0.9, color="#bbbbbb")
        lower.set(xlabel="confidence", ylabel="share of faces", xlim=(0, 1))
    return figure


def mistakes_figure(images: Sequence[np.ndarray], captions: Sequence[str], title: str) -> Figure:
    """A sheet of pictures uint8 (H, W, C) with a caption under each."""
    with mpl.rc_context(STYLE):
        rows = max(1, -(-len(images) // COLUMNS))
        figure = Figure(figsize=(1.45 * COLUMNS, 0.5 + 1.85 * rows), layout="constrained")
        figure.suptitle(title)
        grid: Any = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axes in grid:
            axes.axis("off")
        for axes, image, caption in zip(grid, images, captions, strict=False):
            _show(axes, image, caption)
    return figure


def _show(axes: Axes, image: np.ndarray, caption: str) -> None:
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    axes.set_title(caption, fontsize=8, y=-0.32)


def _present(labels: np.ndarray, classes: Sequence[str]) -> list[tuple[int, str]]:
    present = set(labels.tolist())
    return [(k, COLOURS[k % len(COLOURS)]) for k in range(len(classes)) if k in present and len(present) > 1]
