"""Statistics of two classifiers on the same faces.

Shapes: N faces, P patterns (true class, A's prediction, B's prediction), K classes, R resamples.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from emopipe.evaluate.bootstrap import percentile_interval
from emopipe.evaluate.metrics import ClassMetrics, class_features, class_metrics

FEW_DISCORDANT = 25
"""Below this number of discordant pairs McNemar's chi-square is a poor approximation."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A metric of models A and B, and the confidence interval of B minus A."""

    a: float
    b: float
    low: float
    """Lower end of the interval."""
    high: float
    error: float
    """Standard error of B minus A."""

    @property
    def delta(self) -> float:
        """B minus A."""
        return self.b - self.a

    @property
    def is_noise(self) -> bool:
        """Whether the interval contains zero."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """McNemar's test of equal accuracy (McNemar 1947), on the faces that exactly one model classifies correctly."""

    only_a: int
    only_b: int
    p_value: float
    """Two-sided."""
    exact: bool
    """Whether it is the exact binomial test, for few discordant pairs, or the chi-square approximation."""


def mcnemar(only_a: int, only_b: int) -> McNemar:
    """The test for `only_a` faces that only A classifies correctly, and `only_b` that only B does.

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
    """Features (P, 6K) and counts (P,) of the distinct triples of true class, A's and B's prediction, each (N,).

    Bootstrapping the triples by their counts is bootstrapping the faces.
    """
    codes, counts = np.unique((truth * num_classes + a) * num_classes + b, return_counts=True)
    truth, a, b = np.unravel_index(codes, (num_classes, num_classes, num_classes))
    return pair_features(truth, a, b, num_classes), counts


def pair_features(truth: np.ndarray, a: np.ndarray, b: np.ndarray, num_classes: int) -> np.ndarray:
    """Features (P, 6K) whose sums give `pair_metrics`, of true class, A's and B's prediction, each (P,)."""
    return np.hstack([class_features(truth, predicted, num_classes) for predicted in (a, b)])


def pair_metrics(sums: np.ndarray) -> ClassMetrics:
    """Metrics of A and B, with a leading axis of 2, from sums (..., 6K) of `pair_features`."""
    return class_metrics(np.stack(np.split(sums, 2, axis=-1)))


def difference(values: np.ndarray, resampled: np.ndarray, confidence: float) -> Difference:
    """Percentile interval of B minus A, from a metric of A and B, (2,), and the same in R resamples, (2, R)."""
    deltas = resampled[1] - resampled[0]
    low, high = percentile_interval(deltas, (1 - confidence) / 2)
    return Difference(a=float(values[0]), b=float(values[1]), low=low, high=high, error=float(deltas.std()))


def faces_needed(num_faces: int, effect: float, error: float, *, confidence: float, power: float) -> int | None:
    """Faces that detect an effect of this size with this power; None where the effect is zero.

    The standard error shrinks with the root of the number of faces; normal approximation.
    """
    if not effect:
        return None
    quantiles = stats.norm.ppf([(1 + confidence) / 2, power])
    return math.ceil(num_faces * (float(quantiles.sum()) * error / effect) ** 2)
