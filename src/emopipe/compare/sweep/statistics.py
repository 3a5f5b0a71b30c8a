"""Which differences between settings are signal: more than seeds and the choice of faces would bring about.

Shapes: J settings (the baseline first), S seeds, M figures, R resamples, N faces of a cell, U faces of all cells,
K classes, B bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from emopipe.evaluate.metrics import NUM_BINS, accuracy, precision_recall_f1
from emopipe.faces.predictions import Predictions

RESAMPLES = 500
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Of J settings on M figures.

    names: of the figures, M. values: (J, M), means over the seeds. half: (J, M), half widths of 95 % intervals.
    differences: (J, M), from the baseline. difference_half: (J, M), half widths of their intervals, wide enough that
    all of one figure hold together (Bonferroni). With one seed the halves of seeds are not known: see `num_seeds`.
    """

    names: tuple[str, ...]
    values: np.ndarray
    half: np.ndarray
    differences: np.ndarray
    difference_half: np.ndarray
    num_seeds: int

    @property
    def signal(self) -> np.ndarray:
        """Bool (J, M), which differences are more than noise; none with one seed."""
        found: np.ndarray = (np.abs(self.differences) > self.difference_half) & (self.num_seeds > 1)
        return found


def effects(cells: Sequence[Sequence[Predictions]], *, seed: int) -> Effects:
    """From the predictions of J settings (the baseline first) with S seeds each, all of one split.

    Two sources of noise are added up. Seeds: the residuals of an additive model, setting + seed, pooled over all
    settings, so that two seeds tell something (a randomised block design; Fisher 1935). Faces: a bootstrap in which
    all settings see the same drawn faces, so that differences are paired (Efron & Tibshirani 1993).
    """
    num_settings, num_seeds = len(cells), len(cells[0])
    names = figure_names(cells[0][0].classes)
    known = np.array([[figures(cell, np.ones((1, len(cell.frame))))[0] for cell in row] for row in cells])  # (J, S, M)
    drawn = _resampled(cells, seed)  # (J, R, M), means over the seeds
    values = known.mean(axis=1)
    by_seed, freedom = _seed_variance(known)  # (M,), of one training
    faces = drawn.var(axis=1, ddof=1)  # (J, M)
    paired = (drawn - drawn[:1]).var(axis=1, ddof=1)
    width = student.ppf((1 + CONFIDENCE) / 2, freedom) if freedom else 1.96
    corrected = 1 - (1 - CONFIDENCE) / max(num_settings - 1, 1)
    wide = student.ppf((1 + corrected) / 2, freedom) if freedom else student.ppf((1 + corrected) / 2, np.inf)
    return Effects(
        names=names,
        values=values,
        half=width * np.sqrt(faces + by_seed / num_seeds),
        differences=values - values[:1],
        difference_half=wide * np.sqrt(paired + 2 * by_seed / num_seeds),
        num_seeds=num_seeds,
    )


def figure_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Of the M figures."""
    return ("accuracy", "macro-F1", "ECE", *(f"recall {name}" for name in classes))


def figures(cell: Predictions, weights: np.ndarray) -> np.ndarray:
    """Accuracy, macro-F1, ECE and the recall of each class, (R, M), where faces count by `weights` (R, N)."""
    probabilities, labels = cell.probabilities, cell.labels
    num_classes = probabilities.shape[1]
    confidence, guess = probabilities.max(1), probabilities.argmax(1)
    cells = _weigh(weights, labels * num_classes + guess, num_classes**2)
    confusion = cells.reshape(-1, num_classes, num_classes)  # (R, K, K)
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    gaps = _weigh(weights * (confidence - (guess == labels)), bins, NUM_BINS)  # (R, B)
    ece = np.abs(gaps).sum(axis=1) / weights.sum(axis=1)
    _, recall, f1 = precision_recall_f1(confusion)
    return np.column_stack([accuracy(confusion), f1.mean(axis=1), ece, recall])


def _weigh(weights: np.ndarray, places: np.ndarray, num_places: int) -> np.ndarray:
    """Sums of `weights` (R, N) by place: `places` (N,) to (R, num_places)."""
    indicator = np.zeros((len(places), num_places))
    indicator[np.arange(len(places)), places] = 1
    sums: np.ndarray = weights @ indicator
    return sums


def _resampled(cells: Sequence[Sequence[Predictions]], seed: int) -> np.ndarray:
    """Figures of drawn faces, means over the seeds, (J, R, M); a face is drawn equally often for all cells."""
    faces = sorted(set().union(*(cell.frame["id"] for row in cells for cell in row)))
    places = {face: place for place, face in enumerate(faces)}
    weights = np.random.default_rng(seed).poisson(1, (RESAMPLES, len(faces))).astype(np.float64)  # (R, U)
    return np.array(
        [
            np.mean([figures(cell, weights[:, [places[face] for face in cell.frame["id"]]]) for cell in row], axis=0)
            for row in cells
        ]
    )


def _seed_variance(known: np.ndarray) -> tuple[np.ndarray, int]:
    """Variance (M,) between trainings that differ in their seed alone, from (J, S, M), and its degrees of freedom."""
    num_settings, num_seeds, num_figures = known.shape
    freedom = (num_settings - 1) * (num_seeds - 1)
    if not freedom:
        return np.zeros(num_figures), 0
    residuals = known - known.mean(axis=1, keepdims=True) - known.mean(axis=0, keepdims=True) + known.mean(axis=(0, 1))
    return np.square(residuals).sum(axis=(0, 1)) / freedom, freedom
