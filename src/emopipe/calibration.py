"""Making probabilities mean what they say: one temperature, fitted on validation.

Shapes: N faces, K classes.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T by which softmax(logits / T) has the lowest negative log-likelihood; logits (N, K), labels (N,).

    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2. It changes no answer, only how sure it is.
    """

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(-log_p[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 4)


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, K) as they were before the logits were divided by `temperature`."""
    log_p = temperature * np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))
    values: np.ndarray = np.exp(log_softmax(log_p, axis=1))
    return values
