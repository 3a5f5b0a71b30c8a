"""Metrics of a classifier on one split, from its probabilities.

Shapes: N faces, K classes, B calibration bins. Confusion matrices have true classes in rows, predicted in columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix

from emopipe.evaluate.bootstrap import percentile_interval, resampled_sums

NUM_BINS = 15
SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """Metrics that follow from counts per class; 0 for a class that is neither present nor predicted."""

    accuracy: np.ndarray
    """(...)"""
    precision: np.ndarray
    """(..., K), as recall and F1."""
    recall: np.ndarray
    f1: np.ndarray

    @property
    def macro_f1(self) -> np.ndarray:
        """(...)"""
        mean: np.ndarray = self.f1.mean(-1)
        return mean


def evaluate_split(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, resamples: int, seed: int
) -> dict[str, Any]:
    """All metrics of the report for probabilities (N, K) and class indices (N,), as plain JSON values.

    `accuracy_ci`, `balanced_accuracy_ci` and `macro_f1_ci` are 95 % percentile bootstrap intervals over the faces.
    `majority_class` has the metrics of a model that predicts the most frequent class of this split for every face.
    `better_than_chance`: whether the interval of the balanced accuracy lies above that of any constant prediction.
    """
    confusion = confusion_of(probabilities, labels)
    truth, predicted = np.indices(confusion.shape).reshape(2, -1)
    cells = class_features(truth, predicted, len(classes))  # (K * K, 3K)
    metrics = class_metrics(confusion.ravel() @ cells)
    resampled = class_metrics(resampled_sums(cells, confusion.ravel(), resamples=resamples, seed=seed))
    support = confusion.sum(1)
    balanced_ci = percentile_interval(_balanced_accuracy(resampled.recall, support), 0.025)
    return {
        "num_faces": len(labels),
        "accuracy": float(metrics.accuracy),
        "accuracy_ci": list(percentile_interval(resampled.accuracy, 0.025)),
        "balanced_accuracy": float(_balanced_accuracy(metrics.recall, support)),
        "balanced_accuracy_ci": list(balanced_ci),
        "macro_f1": float(metrics.macro_f1),
        "macro_f1_ci": list(percentile_interval(resampled.macro_f1, 0.025)),
        **calibration_metrics(probabilities, labels),
        "majority_class": _majority_class(support, classes),
        "better_than_chance": bool(balanced_ci[0] > _chance(support)),
        "confusion": confusion.tolist(),
        "per_class": {
            name: {
                "precision": float(metrics.precision[k]),
                "recall": float(metrics.recall[k]),
                "f1": float(metrics.f1[k]),
                "support": int(support[k]),
            }
            for k, name in enumerate(classes)
        },
    }


def _balanced_accuracy(recall: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Mean recall (...) of the classes with faces, from (..., K)."""
    mean: np.ndarray = recall[..., support > 0].mean(-1)
    return mean


def _chance(support: np.ndarray) -> float:
    """The balanced accuracy of every constant prediction."""
    return 1 / np.count_nonzero(support)


def _majority_class(support: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    top = int(support.argmax())
    share = float(support[top] / support.sum())
    return {
        "class": classes[top],
        "accuracy": share,
        "balanced_accuracy": _chance(support),
        "macro_f1": 2 * share / (1 + share) / len(classes),
    }


def calibration_metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Calibration of probabilities (N, K), given class indices (N,): `ece`, `classwise_ece`, `nll`."""
    return {
        "ece": expected_calibration_error(probabilities, labels),
        "classwise_ece": classwise_calibration_error(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
    }


def confusion_of(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (K, K) of probabilities (N, K) and class indices (N,)."""
    counts: np.ndarray = confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1]))
    return counts


def classification_metrics(probabilities: np.ndarray, labels: np.ndarray) -> ClassMetrics:
    """Metrics of probabilities (N, K), given class indices (N,)."""
    return class_metrics(class_features(labels, probabilities.argmax(1), probabilities.shape[1]).sum(0))


def class_features(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Features (N, 3K) whose sums give `class_metrics`: correct, predicted and true class, each one-hot.

    truth, predicted: class indices (N,).
    """
    one_hot = np.eye(num_classes)
    return np.hstack([one_hot[truth] * (truth == predicted)[:, None], one_hot[predicted], one_hot[truth]])


def class_metrics(sums: np.ndarray) -> ClassMetrics:
    """Metrics from sums (..., 3K) of `class_features`."""
    correct, predicted, true = np.split(sums, 3, axis=-1)
    return ClassMetrics(
        accuracy=correct.sum(-1) / true.sum(-1),
        precision=_ratio(correct, predicted),
        recall=_ratio(correct, true),
        f1=_ratio(2 * correct, predicted + true),
    )


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of the top class (Guo et al. 2017, eq. 3)."""
    return _calibration_error(probabilities.max(1), probabilities.argmax(1) == labels)


def classwise_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the classes of the gap between a class's probability and its frequency, over 15 equal bins.

    Kull et al. 2019, "Beyond Temperature Scaling", section 2.
    """
    num_classes = probabilities.shape[1]
    return float(np.mean([_calibration_error(probabilities[:, k], labels == k) for k in range(num_classes)]))


def calibration_bins(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, accuracy minus confidence, and share of the faces in each bin, each (B,).

    confidence: probabilities (N,) of the predictions. correct: whether they are, bool (N,).
    """
    bins = bin_of(confidence)
    counts = np.bincount(bins, minlength=NUM_BINS)
    mean_confidence = _ratio(np.bincount(bins, confidence, NUM_BINS), counts)
    mean_accuracy = _ratio(np.bincount(bins, correct, NUM_BINS), counts)
    return mean_confidence, mean_accuracy - mean_confidence, counts / len(correct)


def calibration_features(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Features (N, B) whose sums give `calibration_errors`: correct (0 or 1) minus confidence, in the face's bin."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    features: np.ndarray = np.eye(NUM_BINS)[bin_of(confidence)] * (correct - confidence)[:, None]
    return features


def calibration_errors(sums: np.ndarray, num_faces: np.ndarray | int) -> np.ndarray:
    """Expected calibration errors (...) from sums (..., B) of `calibration_features` over `num_faces` (...)."""
    errors: np.ndarray = np.abs(sums).sum(-1) / num_faces
    return errors


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Indices of the equal bins, open below, that hold the probabilities (N,)."""
    bins: np.ndarray = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    return bins


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log of the probability of the true class, in nats."""
    return float(log_losses(probabilities, labels).mean())


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the probability of the true class of each face, (N,), in nats."""
    likelihood = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: np.ndarray = -np.log(np.maximum(likelihood, SMALLEST_PROBABILITY))
    return losses


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


def _calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    _, gaps, shares = calibration_bins(confidence, correct)
    return float((np.abs(gaps) * shares).sum())


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
    return ratio


def wilson_interval(share: np.ndarray, num: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share of `num` (Wilson 1927)."""
    z = 1.96
    centre = (share + z**2 / (2 * num)) / (1 + z**2 / num)
    half = z * np.sqrt(share * (1 - share) / num + z**2 / (4 * num**2)) / (1 + z**2 / num)
    return centre - half, centre + half
