"""Making probabilities mean what they say: one temperature, fitted on validation.

Shapes: N faces, K classes.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T at which softmax(logits / T) is as sure on average as it is right; logits (N, K), labels (N,).

    Clarté et al. 2023, "Expectation consistency for calibration of neural networks". The lowest negative
    log-likelihood, which Guo et al. 2017 seek, left most answers of one network too sure, which had been trained
    with smoothed labels (EXPERIMENTS.md). No answer changes, only how sure it is. Kept within `LOWEST` and `HIGHEST`.
    """
    accuracy = float((logits.argmax(axis=1) == labels).mean())

    def surplus(log_temperature: float) -> float:
        return float(softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1).max(axis=1).mean()) - accuracy

    least, most = float(np.log(LOWEST)), float(np.log(HIGHEST))
    if surplus(least) <= 0:
        return LOWEST
    if surplus(most) >= 0:
        return HIGHEST
    return round(float(np.exp(brentq(surplus, least, most, xtol=1e-6))), 4)


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, K) as they were before the logits were divided by `temperature`."""
    log_p = temperature * np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    values: np.ndarray = np.exp(log_softmax(log_p, axis=1))
    return values
