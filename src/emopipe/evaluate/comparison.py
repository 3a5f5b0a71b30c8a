"""Two models on the same test faces: every figure of both, the difference, and whether it is noise.

Shapes: N faces, K classes, R resamples. A confusion matrix has the truth in rows and the prediction in columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from emopipe.evaluate.metrics import confusion_of
from emopipe.evaluate.paired import (
    Difference,
    McNemar,
    calibration_errors,
    calibration_features,
    class_figures,
    class_patterns,
    difference,
    mcnemar,
    resampled_sums,
)
from emopipe.evaluate.pairing import ModelPredictions, pair
from emopipe.faces.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Model B against model A, on the faces of test."""

    a: str
    """What A is called."""
    b: str
    classes: tuple[str, ...]
    support: tuple[int, ...]
    """Faces of each class."""
    confidence: float
    """Of every interval."""
    accuracy: Difference
    macro_f1: Difference
    ece: Difference
    recall: tuple[Difference, ...]
    """Of each class, as `f1`."""
    f1: tuple[Difference, ...]
    mcnemar: McNemar
    confusion: np.ndarray
    """Counts of B minus those of A, (K, K)."""
    noise: np.ndarray
    """Cells whose difference may be chance, bool (K, K)."""
    flips: pd.DataFrame
    """Faces that the two answer differently: id, label, a, b (the answers), p_a, p_b (how sure each was)."""

    @property
    def num_faces(self) -> int:
        """N."""
        return sum(self.support)


def compare(a: ModelPredictions, b: ModelPredictions, *, confidence: float, resamples: int, seed: int) -> Comparison:
    """Compare two models; raises `DataError` where they were measured on different test faces.

    Intervals are percentile intervals of the paired bootstrap over faces (Efron & Tibshirani 1993).
    """
    first, second = pair(a, b)
    truth, classes = first.labels, first.classes
    answers = first.probabilities.argmax(1), second.probabilities.argmax(1)
    right_a, right_b = (answer == truth for answer in answers)
    features, counts = class_patterns(truth, *answers, len(classes))
    found = class_figures(counts @ features)
    drawn = class_figures(resampled_sums(features, counts, resamples=resamples, seed=seed))
    confusion, noise = _confusions(first, second, 1 - confidence)
    return Comparison(
        a=a.name,
        b=b.name,
        classes=classes,
        support=tuple(np.bincount(truth, minlength=len(classes)).tolist()),
        confidence=confidence,
        accuracy=difference(found["accuracy"], drawn["accuracy"], confidence),
        macro_f1=difference(found["macro_f1"], drawn["macro_f1"], confidence),
        ece=_calibration(first, second, confidence=confidence, resamples=resamples, seed=seed),
        recall=_by_class(found["recall"], drawn["recall"], confidence),
        f1=_by_class(found["f1"], drawn["f1"], confidence),
        mcnemar=mcnemar(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())),
        confusion=confusion,
        noise=noise,
        flips=_flips(first, second),
    )


def changes(a: Mapping[str, str], b: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """What differs between two sets of named values: name, A's value, B's value; a dash where one has none."""
    names = sorted(set(a) | set(b))
    return tuple((name, a.get(name, "-"), b.get(name, "-")) for name in names if a.get(name) != b.get(name))


def _by_class(found: np.ndarray, drawn: np.ndarray, confidence: float) -> tuple[Difference, ...]:
    """From (2, K) and (2, R, K)."""
    return tuple(difference(found[:, k], drawn[:, :, k], confidence) for k in range(found.shape[-1]))


def _calibration(
    first: Predictions, second: Predictions, *, confidence: float, resamples: int, seed: int
) -> Difference:
    features = calibration_features(first.probabilities, second.probabilities, first.labels)
    each = np.ones(len(features), dtype=np.int64)
    drawn = resampled_sums(features, each, resamples=resamples, seed=seed)
    return difference(calibration_errors(each @ features), calibration_errors(drawn), confidence)


def _confusions(first: Predictions, second: Predictions, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """B's matrix minus A's, and the cells that McNemar's test does not tell apart.

    A cell counts the faces of one class that got one answer; those with that answer from both models cancel. Among
    many cells some stand out by chance: a share `rate` of those told apart at most (Benjamini & Hochberg 1995).
    """
    of_a, of_b = (confusion_of(each.probabilities, each.labels) for each in (first, second))
    answers = first.probabilities.argmax(1), second.probabilities.argmax(1)
    both = np.zeros_like(of_a)
    np.add.at(both, (first.labels, answers[0]), answers[0] == answers[1])
    discordant = (of_a + of_b - 2 * both) > 0
    noise = np.ones(of_a.shape, dtype=bool)
    if discordant.any():
        alone = zip((of_a - both)[discordant].tolist(), (of_b - both)[discordant].tolist(), strict=True)
        p_values = [mcnemar(only_a, only_b).p_value for only_a, only_b in alone]
        noise[discordant] = stats.false_discovery_control(p_values) > rate
    return of_b - of_a, noise


def _flips(first: Predictions, second: Predictions) -> pd.DataFrame:
    """Faces with two answers; those that B got wrong with the highest probability come first."""
    names = np.array(first.classes)
    table = first.frame[["id", "label"]].assign(
        a=names[first.probabilities.argmax(1)],
        b=names[second.probabilities.argmax(1)],
        p_a=first.probabilities.max(1),
        p_b=second.probabilities.max(1),
    )
    flipped = table[table["a"] != table["b"]]
    return flipped.sort_values("p_b", ascending=False, kind="stable", ignore_index=True)
