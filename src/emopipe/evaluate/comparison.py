"""Two models on the same test faces: their metrics, the differences, and which differences are significant.

Shapes: N faces, K classes, R resamples, B calibration bins. Confusion matrices have true classes in rows, predicted in
columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from emopipe.evaluate.bootstrap import resampled_sums
from emopipe.evaluate.metrics import calibration_errors, calibration_features, confusion_of, log_losses
from emopipe.evaluate.paired import Difference, McNemar, class_patterns, difference, mcnemar, pair_metrics
from emopipe.evaluate.pairing import ModelPredictions, pair
from emopipe.faces.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Model B against model A, on the test faces."""

    a: str
    """Name of A."""
    b: str
    classes: tuple[str, ...]
    support: tuple[int, ...]
    """Faces of each class."""
    confidence: float
    """Of every interval."""
    accuracy: Difference
    macro_f1: Difference
    ece: Difference
    nll: Difference
    """Mean negative log-likelihood of the true class, in nats."""
    recall: tuple[Difference, ...]
    """By class, as `f1`."""
    f1: tuple[Difference, ...]
    mcnemar: McNemar
    confusion: np.ndarray
    """Counts of B minus those of A, (K, K)."""
    noise: np.ndarray
    """Cells of `confusion` without a significant difference, bool (K, K)."""
    flips: pd.DataFrame
    """Faces that the models classify differently: id, label, a, b (predicted classes), p_a, p_b (probabilities)."""

    @property
    def num_faces(self) -> int:
        """N."""
        return sum(self.support)


def compare(a: ModelPredictions, b: ModelPredictions, *, confidence: float, resamples: int, seed: int) -> Comparison:
    """Compare two models; raises `DataError` where they have no test split in common.

    Intervals are percentile intervals of the paired bootstrap over faces (Efron & Tibshirani 1993).
    """
    first, second = pair(a, b)
    truth, classes = first.labels, first.classes
    predicted_a, predicted_b = first.probabilities.argmax(1), second.probabilities.argmax(1)
    right_a, right_b = predicted_a == truth, predicted_b == truth
    features, counts = class_patterns(truth, predicted_a, predicted_b, len(classes))
    metrics = pair_metrics(counts @ features)
    resampled = pair_metrics(resampled_sums(features, counts, resamples=resamples, seed=seed))
    confusion, noise = _confusions(first, second, 1 - confidence)
    ece, nll = _calibration(first, second, confidence=confidence, resamples=resamples, seed=seed)
    return Comparison(
        a=a.name,
        b=b.name,
        classes=classes,
        support=tuple(np.bincount(truth, minlength=len(classes)).tolist()),
        confidence=confidence,
        accuracy=difference(metrics.accuracy, resampled.accuracy, confidence),
        macro_f1=difference(metrics.macro_f1, resampled.macro_f1, confidence),
        ece=ece,
        nll=nll,
        recall=by_class(metrics.recall, resampled.recall, confidence),
        f1=by_class(metrics.f1, resampled.f1, confidence),
        mcnemar=mcnemar(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())),
        confusion=confusion,
        noise=noise,
        flips=_flips(first, second),
    )


def changes(a: Mapping[str, str], b: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """Named values that differ: name, A's value, B's value; a dash for a missing value."""
    names = sorted(set(a) | set(b))
    return tuple((name, a.get(name, "-"), b.get(name, "-")) for name in names if a.get(name) != b.get(name))


def by_class(values: np.ndarray, resampled: np.ndarray, confidence: float) -> tuple[Difference, ...]:
    """The difference of each class, from (2, K) and (2, R, K)."""
    return tuple(difference(values[:, k], resampled[:, :, k], confidence) for k in range(values.shape[-1]))


def _calibration(
    first: Predictions, second: Predictions, *, confidence: float, resamples: int, seed: int
) -> tuple[Difference, Difference]:
    """The differences in ECE and in NLL."""
    features = np.hstack([_calibration_features(model) for model in (first, second)])
    ones = np.ones(len(features), dtype=np.int64)
    point, resampled = (
        np.stack(np.split(sums, 2, axis=-1))  # (2, ..., B + 1)
        for sums in (ones @ features, resampled_sums(features, ones, resamples=resamples, seed=seed))
    )
    ece, resampled_ece = (calibration_errors(sums[..., :-1], len(features)) for sums in (point, resampled))
    nll, resampled_nll = (sums[..., -1] / len(features) for sums in (point, resampled))
    return difference(ece, resampled_ece, confidence), difference(nll, resampled_nll, confidence)


def _calibration_features(model: Predictions) -> np.ndarray:
    """Those of the ECE and, in the last column, the negative log-likelihood: (N, B + 1)."""
    probabilities, labels = model.probabilities, model.labels
    return np.column_stack([calibration_features(probabilities, labels), log_losses(probabilities, labels)])


def _confusions(first: Predictions, second: Predictions, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """B's matrix minus A's, and the cells that McNemar's test does not find different.

    A cell counts faces of one class with one prediction; those that both models predict alike cancel. The false
    discovery rate over the cells is at most `rate` (Benjamini & Hochberg 1995).
    """
    counts_a, counts_b = (confusion_of(model.probabilities, model.labels) for model in (first, second))
    predicted_a, predicted_b = first.probabilities.argmax(1), second.probabilities.argmax(1)
    both = np.zeros_like(counts_a)
    np.add.at(both, (first.labels, predicted_a), predicted_a == predicted_b)
    discordant = (counts_a + counts_b - 2 * both) > 0
    noise = np.ones(counts_a.shape, dtype=bool)
    if discordant.any():
        pairs = zip((counts_a - both)[discordant].tolist(), (counts_b - both)[discordant].tolist(), strict=True)
        p_values = [mcnemar(only_a, only_b).p_value for only_a, only_b in pairs]
        noise[discordant] = stats.false_discovery_control(p_values) > rate
    return counts_b - counts_a, noise


def _flips(first: Predictions, second: Predictions) -> pd.DataFrame:
    """Faces with two different predictions, by falling probability of B's."""
    names = np.array(first.classes)
    table = first.frame[["id", "label"]].assign(
        a=names[first.probabilities.argmax(1)],
        b=names[second.probabilities.argmax(1)],
        p_a=first.probabilities.max(1),
        p_b=second.probabilities.max(1),
    )
    flipped = table[table["a"] != table["b"]]
    return flipped.sort_values("p_b", ascending=False, kind="stable", ignore_index=True)
