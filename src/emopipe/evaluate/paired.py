"""Statistics of two classifiers that judged the same faces.

Shapes: N faces, P patterns (faces that look alike to a statistic count as one), F features, K classes, R resamples.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from emopipe.evaluate.metrics import NUM_BINS

NUM_SUMS = 5
"""Counts per class from which all figures follow: right by A, right by B, said by A, said by B, and the truth."""
FEW_DISCORDANT = 25
"""Below this number of discordant pairs McNemar's chi-square is a poor approximation."""
CHUNK = 256
"""Resamples in memory at once."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A figure of two models, and what is known of B minus A from these faces."""

    a: float
    b: float
    low: float
    """Lower end of the interval of B minus A."""
    high: float
    error: float
    """Standard error of B minus A."""

    @property
    def delta(self) -> float:
        """B minus A."""
        return self.b - self.a

    @property
    def is_noise(self) -> bool:
        """Whether the interval holds zero."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """McNemar's test of equal accuracy (McNemar 1947), from the faces that exactly one of the two models got right."""

    only_a: int
    only_b: int
    p_value: float
    """Two-sided."""
    exact: bool
    """Whether it is the exact binomial test, as for few discordant pairs, or the chi-square approximation."""


def mcnemar(only_a: int, only_b: int) -> McNemar:
    """The test for `only_a` faces that A alone got right, and `only_b` that B alone did.

    Without continuity correction, which costs power and gains nothing (Fagerland, Lydersen & Laake 2013).
    """
    discordant = only_a + only_b
    exact = discordant < FEW_DISCORDANT
    if not discordant:
        p_value = 1.0
    elif exact:
        p_value = float(stats.binomtest(only_b, discordant).pvalue)
    else:
        p_value = float(stats.chi2.sf((only_a - only_b) ** 2 / discordant, df=1))
    return McNemar(only_a=only_a, only_b=only_b, p_value=p_value, exact=exact)


def class_patterns(truth: np.ndarray, a: np.ndarray, b: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (P, 5K) and counts (P,) of the distinct triples of true class, A's and B's answer, each (N,).

    Bootstrapping the triples by their counts is bootstrapping the faces.
    """
    codes, counts = np.unique((truth * num_classes + a) * num_classes + b, return_counts=True)
    of_truth, of_a, of_b = np.unravel_index(codes, (num_classes, num_classes, num_classes))
    return pattern_features(of_truth, of_a, of_b, num_classes), counts


def pattern_features(truth: np.ndarray, a: np.ndarray, b: np.ndarray, num_classes: int) -> np.ndarray:
    """What triples (P,) of true class and two answers add to the sums of `class_figures`, (P, 5K)."""
    eye = np.eye(num_classes)
    right_a, right_b = (truth == a)[:, None], (truth == b)[:, None]
    return np.concatenate([eye[truth] * right_a, eye[truth] * right_b, eye[a], eye[b], eye[truth]], axis=1)


def resampled_sums(features: np.ndarray, counts: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Sums of features (P, F) over bootstrap samples of the faces, (R, F); `counts` (P,) says how many face each is.

    Drawing N faces with replacement draws the counts of the patterns from a multinomial distribution.
    """
    rng, num_faces = np.random.default_rng(seed), counts.sum()
    parts = []
    for first in range(0, resamples, CHUNK):
        drawn = rng.multinomial(num_faces, counts / num_faces, size=min(CHUNK, resamples - first))  # (r, P)
        parts.append(drawn @ features)
    return np.concatenate(parts)


def class_figures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of A and B from sums (..., 5K): accuracy and macro_f1 (2, ...), recall and f1 (2, ..., K).

    A class that was neither met nor said has recall and F1 0, as in `emopipe.evaluate.metrics`.
    """
    right_a, right_b, said_a, said_b, truth = np.split(sums, NUM_SUMS, axis=-1)
    right, said = np.stack([right_a, right_b]), np.stack([said_a, said_b])
    f1 = _ratio(2 * right, said + truth)
    return {
        "accuracy": right.sum(-1) / truth.sum(-1),
        "macro_f1": f1.mean(-1),
        "recall": _ratio(right, np.broadcast_to(truth, right.shape)),
        "f1": f1,
    }


def calibration_features(a: np.ndarray, b: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Features (N, 2 * bins + 1) of two models' probabilities (N, K), for `calibration_errors`.

    For each model, right or wrong minus confidence in the column of its bin; last a column of ones.
    """
    parts = [np.ones((len(labels), 1))]
    for probabilities in (b, a):
        confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
        bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
        parts.insert(0, np.eye(NUM_BINS)[bins] * (right - confidence)[:, None])
    return np.concatenate(parts, axis=1)


def calibration_errors(sums: np.ndarray) -> np.ndarray:
    """Expected calibration errors of A and B, (2, ...), from sums (..., 2 * bins + 1) of `calibration_features`."""
    gaps, num_faces = sums[..., :-1], sums[..., -1]
    per_model = np.stack(np.split(gaps, 2, axis=-1))  # (2, ..., bins)
    errors: np.ndarray = np.abs(per_model).sum(-1) / num_faces
    return errors


def difference(values: np.ndarray, resampled: np.ndarray, confidence: float) -> Difference:
    """From a figure of A and B, (2,), and the same in R resamples, (2, R): percentile interval of the difference."""
    deltas = resampled[1] - resampled[0]
    tail = (1 - confidence) / 2
    low, high = np.quantile(deltas, [tail, 1 - tail])
    a, b = (float(value) for value in values)
    return Difference(a=a, b=b, low=float(low), high=float(high), error=float(deltas.std()))


def faces_needed(num_faces: int, effect: float, error: float, *, confidence: float, power: float) -> int | None:
    """Faces for which an effect of this size would be told from zero with this power; None where there is no effect.

    The standard error shrinks with the root of the number of faces; normal approximation.
    """
    if not effect:
        return None
    quantiles = stats.norm.ppf([(1 + confidence) / 2, power])
    return math.ceil(num_faces * (float(quantiles.sum()) * error / effect) ** 2)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
    return ratio
