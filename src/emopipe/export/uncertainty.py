"""The probability below which a prediction is called uncertain. Shapes: N faces, K classes."""

import numpy as np


def uncertainty_threshold(probabilities: np.ndarray, labels: np.ndarray, max_accuracy: float) -> float:
    """The largest threshold, rounded to 3 digits, below which at most `max_accuracy` of the predictions are right.

    probabilities: (N, K). labels: indices (N,) of the true classes. 0 if no prediction is uncertain by this rule.
    """
    confidence = probabilities.max(axis=1)
    order = confidence.argsort(kind="stable")
    confidence, is_right = confidence[order], (probabilities.argmax(axis=1) == labels)[order]
    accuracy = is_right.cumsum() / np.arange(1, len(order) + 1)
    below = np.flatnonzero(accuracy <= max_accuracy)
    if not len(below):
        return 0.0
    above = np.append(confidence[1:], 1.0)
    return round(float(confidence[below[-1]] + above[below[-1]]) / 2, 3)
