"""Statistics of a pair of models, against values computed by hand and against theory."""

import numpy as np
import pytest

from emopipe.evaluate.bootstrap import resampled_sums
from emopipe.evaluate.metrics import (
    calibration_errors,
    calibration_features,
    classification_metrics,
    expected_calibration_error,
)
from emopipe.evaluate.paired import (
    McNemar,
    class_patterns,
    difference,
    faces_needed,
    mcnemar,
    pair_metrics,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 2])
A = np.array([0, 0, 1, 2, 1, 1, 0, 0])
B = np.array([0, 1, 0, 0, 1, 0, 0, 0])


def draw(num_faces: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three unequal classes, and two models that are right on 70 % and 75 % of the faces."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, num_faces, p=[0.6, 0.3, 0.1])
    a, b = (np.where(rng.random(num_faces) < share, truth, rng.integers(0, 3, num_faces)) for share in (0.55, 0.62))
    return truth, a, b


def resampled(truth, a, b, resamples=2000):
    features, counts = class_patterns(truth, a, b, 3)
    return pair_metrics(counts @ features), pair_metrics(resampled_sums(features, counts, resamples=resamples, seed=0))


@pytest.mark.parametrize(
    ("only_a", "only_b", "p_value", "exact"),
    [
        (1, 5, 2 * (1 + 6) / 2**6, True),  # 1 or fewer of 6 fair tosses, or 5 or more
        (5, 1, 2 * (1 + 6) / 2**6, True),
        (0, 8, 2 / 2**8, True),
        (3, 3, 1.0, True),
        (0, 0, 1.0, True),
        (10, 30, 0.0015654, False),  # chi-square of 20^2 / 40 = 10 with one degree of freedom
        (20, 20, 1.0, False),
    ],
)
def test_mcnemars_test_is_the_exact_one_for_few_discordant_pairs(only_a, only_b, p_value, exact):
    expected = McNemar(only_a=only_a, only_b=only_b, p_value=pytest.approx(p_value, rel=1e-4), exact=exact)
    assert mcnemar(only_a, only_b) == expected


def test_the_metrics_of_a_pair_are_those_of_each_model():
    found, _ = resampled(TRUTH, A, B, 100)
    for k, answers in enumerate((A, B)):
        alone = classification_metrics(np.eye(3)[answers], TRUTH)
        assert found.accuracy[k] == alone.accuracy
        np.testing.assert_array_equal(found.recall[k], alone.recall)
        np.testing.assert_array_equal(found.f1[k], alone.f1)
        assert found.macro_f1[k] == alone.macro_f1


def test_the_error_of_a_difference_of_accuracies_is_that_of_paired_shares():
    truth, a, b = draw(2000)
    found, drawn = resampled(truth, a, b, 4000)
    figure = difference(found.accuracy, drawn.accuracy, 0.95)
    gain = (b == truth).astype(float) - (a == truth)
    assert figure.delta == pytest.approx(gain.mean())
    assert figure.error == pytest.approx(gain.std() / np.sqrt(2000), rel=0.05)
    assert (figure.low, figure.high) == pytest.approx(
        (gain.mean() - 1.96 * figure.error, gain.mean() + 1.96 * figure.error), abs=0.002
    )


def test_a_higher_confidence_gives_a_wider_interval():
    found, drawn = resampled(*draw(500))
    narrow, wide = (difference(found.macro_f1, drawn.macro_f1, confidence) for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_model_does_not_differ_from_itself():
    truth, a, _ = draw(500)
    found, drawn = resampled(truth, a, a)
    figure = difference(found.macro_f1, drawn.macro_f1, 0.95)
    assert (figure.delta, figure.low, figure.high, figure.error) == (0, 0, 0, 0)
    assert figure.is_noise


def test_faces_with_equal_features_can_be_resampled_together():
    """By their counts or one by one: the same distribution."""
    truth, a, b = draw(400)
    features, counts = class_patterns(truth, a, b, 3)
    each = np.repeat(features, counts, axis=0)
    together = resampled_sums(features, counts, resamples=4000, seed=1)
    one_by_one = resampled_sums(each, np.ones(len(each), dtype=int), resamples=4000, seed=2)
    np.testing.assert_allclose(together.mean(0), one_by_one.mean(0), rtol=0.05, atol=0.5)
    np.testing.assert_allclose(together.std(0), one_by_one.std(0), rtol=0.08)


def test_the_same_seed_draws_the_same():
    features, counts = class_patterns(TRUTH, A, B, 3)
    first, second, other = (resampled_sums(features, counts, resamples=300, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (300, 18)
    assert (first == second).all()
    assert (first != other).any()


def test_the_calibration_error_from_sums_is_that_of_the_report():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    a, b = (rng.dirichlet([1, 1, 1], 200) for _ in range(2))
    for probabilities in (a, b):
        error = calibration_errors(calibration_features(probabilities, labels).sum(0), 200)
        assert error == pytest.approx(expected_calibration_error(probabilities, labels))


def test_four_times_the_faces_are_needed_for_half_the_effect():
    """An effect of 1.96 + 0.84 standard errors is found with a power of 80 %, by definition."""
    assert faces_needed(1000, 2.8016 * 0.01, 0.01, confidence=0.95, power=0.8) in (1000, 1001)
    assert faces_needed(1000, -2.8016 * 0.005, 0.01, confidence=0.95, power=0.8) in (4000, 4001)
    assert faces_needed(1000, 0.0, 0.01, confidence=0.95, power=0.8) is None
