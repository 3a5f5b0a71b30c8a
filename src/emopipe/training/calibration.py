"""Temperature scaling, fitted on validation.

Shapes: N faces, K classes.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T for which the mean confidence of softmax(logits / T) equals the accuracy; logits (N, K), labels (N,).

    Clarté et al. 2023, "Expectation consistency for calibration of neural networks". Minimising the negative
    log-likelihood, as Guo et al. 2017 do, left a network trained with smoothed labels overconfident (EXPERIMENTS.md).
    The most probable class stays the same. T is in `MIN_TEMPERATURE`..`MAX_TEMPERATURE`.
    """
    accuracy = float((logits.argmax(axis=1) == labels).mean())

    def overconfidence(log_temperature: float) -> float:
        return float(softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1).max(axis=1).mean()) - accuracy

    low, high = float(np.log(MIN_TEMPERATURE)), float(np.log(MAX_TEMPERATURE))
    if overconfidence(low) <= 0:
        return MIN_TEMPERATURE
    if overconfidence(high) >= 0:
        return MAX_TEMPERATURE
    return round(float(np.exp(brentq(overconfidence, low, high, xtol=1e-6))), 4)


def is_at_bound(temperature: float) -> bool:
    """Whether no temperature in the range makes the mean confidence equal the accuracy."""
    return temperature in (MIN_TEMPERATURE, MAX_TEMPERATURE)


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Undo temperature scaling: probabilities (N, K) of the logits before the division by `temperature`."""
    log_p = temperature * np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    values: np.ndarray = np.exp(log_softmax(log_p, axis=1))
    return values
