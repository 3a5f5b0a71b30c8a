"""The bootstrap over faces (Efron & Tibshirani 1993).

Metrics follow from sums of features over the faces, so a resample is a vector of counts times the features.
Shapes: N faces, P patterns (faces with equal features count as one), F features, R resamples.
"""

import numpy as np

CHUNK = 256
"""Resamples in memory at once."""


def resampled_sums(features: np.ndarray, counts: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Sums of features (P, F) over bootstrap samples of the faces, (R, F); `counts` (P,) are faces per pattern.

    Drawing N faces with replacement draws the counts of the patterns from a multinomial distribution.
    """
    rng, num_faces = np.random.default_rng(seed), counts.sum()
    parts = []
    for first in range(0, resamples, CHUNK):
        drawn = rng.multinomial(num_faces, counts / num_faces, size=min(CHUNK, resamples - first))  # (r, P)
        parts.append(drawn @ features)
    return np.concatenate(parts)


def poisson_weights(num_faces: int, *, resamples: int, seed: int) -> np.ndarray:
    """Weights (R, N) of the Poisson bootstrap, which several splits of the same faces can share.

    Each face is drawn independently, so the weights of a subset are a bootstrap of that subset.
    """
    return np.random.default_rng(seed).poisson(1, (resamples, num_faces)).astype(np.float64)


def percentile_interval(values: np.ndarray, tail: float) -> tuple[float, float]:
    """Quantiles `tail` and 1 - `tail` of the resampled values (R,)."""
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
