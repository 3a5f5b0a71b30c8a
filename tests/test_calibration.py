import numpy as np
import pytest
from scipy.special import softmax

from emopipe.evaluate.metrics import expected_calibration_error, negative_log_likelihood
from emopipe.training.calibration import fit_temperature, uncalibrated


@pytest.fixture
def calibrated():
    """Logits that are calibrated at temperature 1."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(20_000, 4))
    labels = (rng.random((20_000, 1)) > softmax(logits, axis=1).cumsum(1)).sum(1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_factor_of_scaled_logits_is_recovered(calibrated, temperature):
    logits, labels = calibrated
    assert fit_temperature(temperature * logits, labels) == pytest.approx(temperature, rel=0.03)


def test_calibration_lowers_both_errors_and_keeps_the_classes(calibrated):
    logits, labels = calibrated
    before = softmax(3 * logits, axis=1)
    after = softmax(3 * logits / fit_temperature(3 * logits, labels), axis=1)
    assert expected_calibration_error(after, labels) < 0.02 < expected_calibration_error(before, labels)
    assert negative_log_likelihood(after, labels) < negative_log_likelihood(before, labels)
    assert (after.argmax(1) == before.argmax(1)).all()


def test_after_label_smoothing_confidence_equals_accuracy():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(20_000, 4)) * rng.choice([1.0, 6.0], (20_000, 1))
    labels = (rng.random((20_000, 1)) > softmax(logits, axis=1).cumsum(1)).sum(1)
    capped = np.minimum(logits, logits.max(1, keepdims=True).clip(max=3))
    after = softmax(capped / fit_temperature(capped, labels), axis=1)
    assert after.max(1).mean() == pytest.approx((capped.argmax(1) == labels).mean(), abs=1e-4)


def test_the_temperature_is_bounded():
    logits = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert fit_temperature(logits, np.array([0, 1])) == 0.05
    assert fit_temperature(logits, np.array([1, 0])) == 20.0


def test_calibration_is_undone(calibrated):
    logits = calibrated[0][:50]
    assert uncalibrated(softmax(logits / 1.7, axis=1), 1.7) == pytest.approx(softmax(logits, axis=1), abs=1e-6)
