"""Which differences between settings exceed the variation between seeds and between samples of faces.

Shapes: J settings (the baseline first), S seeds, M metrics, R resamples, N faces of a trial, U faces of all trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from emopipe.evaluate.bootstrap import poisson_weights
from emopipe.evaluate.metrics import calibration_errors, calibration_features, class_features, class_metrics
from emopipe.faces.predictions import Predictions

RESAMPLES = 500
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Of J settings on M metrics; half widths are those of 95 % intervals, without the seeds' part if S is 1."""

    names: tuple[str, ...]
    """Of the metrics, M."""
    values: np.ndarray
    """(J, M), means over the seeds."""
    half: np.ndarray
    """(J, M), half widths."""
    differences: np.ndarray
    """(J, M), from the baseline."""
    difference_half: np.ndarray
    """(J, M), half widths that hold for all differences of one metric together (Bonferroni)."""
    num_seeds: int

    @property
    def is_significant(self) -> np.ndarray:
        """Significant differences, bool (J, M); none with one seed."""
        significant: np.ndarray = (np.abs(self.differences) > self.difference_half) & (self.num_seeds > 1)
        return significant


def effects(trials: Sequence[Sequence[Predictions]], *, seed: int) -> Effects:
    """From the predictions of J settings (the baseline first) with S seeds each, all of one split.

    Two variances are added. Seeds: the residuals of an additive model, setting + seed, pooled over all settings, so
    that two seeds suffice (a randomised block design; Fisher 1935). Faces: a bootstrap in which all settings share the
    resampled faces, so that differences are paired (Efron & Tibshirani 1993).
    """
    num_settings, num_seeds = len(trials), len(trials[0])
    points = np.array([[metrics_of(trial, np.ones((1, len(trial.frame))))[0] for trial in row] for row in trials])
    values = points.mean(axis=1)  # (J, S, M) to (J, M)
    resampled = _resampled(trials, seed)  # (J, R, M), means over the seeds
    seed_variance, freedom = _seed_variance(points)  # (M,), of one training
    face_variance = resampled.var(axis=1, ddof=1)  # (J, M)
    paired_variance = (resampled - resampled[:1]).var(axis=1, ddof=1)
    width = student.ppf((1 + CONFIDENCE) / 2, freedom) if freedom else 1.96
    corrected = 1 - (1 - CONFIDENCE) / max(num_settings - 1, 1)
    corrected_width = student.ppf((1 + corrected) / 2, freedom or np.inf)
    return Effects(
        names=metric_names(trials[0][0].classes),
        values=values,
        half=width * np.sqrt(face_variance + seed_variance / num_seeds),
        differences=values - values[:1],
        difference_half=corrected_width * np.sqrt(paired_variance + 2 * seed_variance / num_seeds),
        num_seeds=num_seeds,
    )


def metric_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Of the M metrics."""
    return ("accuracy", "macro-F1", "ECE", *(f"recall {name}" for name in classes))


def metrics_of(trial: Predictions, weights: np.ndarray) -> np.ndarray:
    """Accuracy, macro-F1, ECE and the recall of each class, (R, M), with the faces weighted by `weights` (R, N)."""
    probabilities, labels, num_classes = trial.probabilities, trial.labels, len(trial.classes)
    metrics = class_metrics(weights @ class_features(labels, probabilities.argmax(1), num_classes))
    ece = calibration_errors(weights @ calibration_features(probabilities, labels), weights.sum(1))
    return np.column_stack([metrics.accuracy, metrics.macro_f1, ece, metrics.recall])


def _resampled(trials: Sequence[Sequence[Predictions]], seed: int) -> np.ndarray:
    """Metrics of resampled faces, means over the seeds, (J, R, M); a face has the same weight in all trials."""
    faces = sorted(set().union(*(trial.frame["id"] for row in trials for trial in row)))
    columns = {face: column for column, face in enumerate(faces)}
    weights = poisson_weights(len(faces), resamples=RESAMPLES, seed=seed)  # (R, U)
    own = [[weights[:, [columns[face] for face in trial.frame["id"]]] for trial in row] for row in trials]
    metrics = [list(map(metrics_of, row, weighted)) for row, weighted in zip(trials, own, strict=True)]
    means: np.ndarray = np.mean(metrics, axis=1)
    return means


def _seed_variance(points: np.ndarray) -> tuple[np.ndarray, int]:
    """Variance (M,) between trainings that differ in their seed alone, from (J, S, M), and its degrees of freedom."""
    num_settings, num_seeds, num_metrics = points.shape
    freedom = (num_settings - 1) * (num_seeds - 1)
    if not freedom:
        return np.zeros(num_metrics), 0
    residuals = points - points.mean(axis=1, keepdims=True) - points.mean(axis=0, keepdims=True)
    return np.square(residuals + points.mean(axis=(0, 1))).sum(axis=(0, 1)) / freedom, freedom
