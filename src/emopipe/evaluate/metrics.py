"""Figures of a classifier on one split, from its probabilities.

Shapes: N faces, K classes, R resamples. A confusion matrix has the truth in rows and the prediction in columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix

NUM_BINS = 15
SMALLEST_PROBABILITY = 1e-12


def evaluate_split(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, resamples: int, seed: int
) -> dict[str, Any]:
    """All figures of the report for probabilities (N, K) and class indices (N,), as plain JSON values.

    `accuracy_ci` and `macro_f1_ci` are 95 % percentile bootstrap intervals over the faces.
    """
    confusion = confusion_of(probabilities, labels)
    precision, recall, f1 = precision_recall_f1(confusion)
    support = confusion.sum(1)
    accuracy_ci, macro_f1_ci = bootstrap_intervals(confusion, resamples=resamples, seed=seed)
    return {
        "num_faces": len(labels),
        "accuracy": float(accuracy(confusion)),
        "accuracy_ci": accuracy_ci,
        "balanced_accuracy": float(recall[support > 0].mean()),
        "macro_f1": float(f1.mean()),
        "macro_f1_ci": macro_f1_ci,
        **calibration_figures(probabilities, labels),
        "confusion": confusion.tolist(),
        "per_class": {
            name: {
                "precision": float(precision[k]),
                "recall": float(recall[k]),
                "f1": float(f1[k]),
                "support": int(support[k]),
            }
            for k, name in enumerate(classes)
        },
    }


def calibration_figures(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How far probabilities (N, K) can be trusted, given class indices (N,): `ece`, `classwise_ece`, `nll`."""
    return {
        "ece": expected_calibration_error(probabilities, labels),
        "classwise_ece": classwise_calibration_error(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
    }


def confusion_of(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (K, K) of probabilities (N, K) and class indices (N,), with the truth in rows."""
    counts: np.ndarray = confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1]))
    return counts


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share on the diagonal of (..., K, K), as (...)."""
    share: np.ndarray = np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum((-2, -1))
    return share


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per class from (..., K, K), each (..., K); 0 where a class was neither met nor predicted."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    predicted, actual = confusion.sum(-2), confusion.sum(-1)
    return _ratio(hits, predicted), _ratio(hits, actual), _ratio(2 * hits, predicted + actual)


def bootstrap_intervals(confusion: np.ndarray, *, resamples: int, seed: int) -> tuple[list[float], list[float]]:
    """95 % intervals of accuracy and macro-F1 (Efron & Tibshirani 1993, percentile method).

    Drawing N faces with replacement draws the cells of the confusion matrix from a multinomial distribution, so the
    faces themselves are not needed.
    """
    num_faces = confusion.sum()
    cells = np.random.default_rng(seed).multinomial(num_faces, confusion.ravel() / num_faces, size=resamples)
    drawn = cells.reshape(resamples, *confusion.shape)  # (R, K, K)
    return _interval(accuracy(drawn)), _interval(precision_recall_f1(drawn)[2].mean(-1))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of the top class (Guo et al. 2017, eq. 3)."""
    _, gaps, shares = calibration_bins(probabilities, labels)
    return float((np.abs(gaps) * shares).sum())


def calibration_bins(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, accuracy minus confidence, and share of the faces in each of 15 bins, each (15,)."""
    return _bins(probabilities.max(1), probabilities.argmax(1) == labels)


def classwise_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the classes of the gap between a class's probability and how often it is the truth, over 15 equal bins.

    Kull et al. 2019, "Beyond Temperature Scaling", section 2.
    """
    errors = []
    for k in range(probabilities.shape[1]):
        _, gaps, shares = _bins(probabilities[:, k], labels == k)
        errors.append((np.abs(gaps) * shares).sum())
    return float(np.mean(errors))


def _bins(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    mean_confidence = _ratio(np.bincount(bins, confidence, NUM_BINS), counts)
    mean_accuracy = _ratio(np.bincount(bins, correct, NUM_BINS), counts)
    return mean_confidence, mean_accuracy - mean_confidence, counts / len(correct)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log of the probability of the true class, in nats."""
    likelihood = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(likelihood, SMALLEST_PROBABILITY)).mean())


def report_text(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> str:
    """scikit-learn's classification report."""
    text: str = classification_report(
        labels,
        probabilities.argmax(1),
        labels=range(len(classes)),
        target_names=list(classes),
        digits=3,
        zero_division=0,
    )
    return text


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
    return ratio


def _interval(values: np.ndarray) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [float(low), float(high)]
