import numpy as np
import pytest
from sklearn import metrics as sk

from emopipe.evaluate.metrics import (
    classwise_calibration_error,
    evaluate_split,
    expected_calibration_error,
)

CLASSES = ("a", "b", "c")


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    logits = rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels


def test_figures_equal_those_of_scikit_learn(scored):
    probabilities, labels = scored
    predicted = probabilities.argmax(1)
    report = evaluate_split(probabilities, labels, CLASSES, resamples=100, seed=0)
    assert report["accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
    assert report["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted))
    assert report["macro_f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"))
    assert report["nll"] == pytest.approx(sk.log_loss(labels, probabilities))
    assert report["confusion"] == sk.confusion_matrix(labels, predicted).tolist()
    precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted)
    assert report["per_class"]["b"] == pytest.approx(
        {"precision": precision[1], "recall": recall[1], "f1": f1[1], "support": support[1]}
    )


def test_a_class_without_faces_counts_zero_in_macro_f1_and_not_in_balanced_accuracy():
    report = evaluate_split(np.eye(3)[[0, 0, 1]], np.array([0, 0, 1]), CLASSES, resamples=100, seed=0)
    assert report["macro_f1"] == pytest.approx(2 / 3)
    assert report["balanced_accuracy"] == 1


def test_only_a_model_that_tells_classes_apart_is_better_than_chance():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [140, 40, 20])

    def report(predicted):
        return evaluate_split(np.eye(3)[predicted], labels, CLASSES, resamples=500, seed=0)

    constant = report(np.zeros(200, int))
    assert constant["majority_class"] == {
        "class": "a",
        **{name: pytest.approx(constant[name]) for name in ("accuracy", "balanced_accuracy", "macro_f1")},
    }
    assert not constant["better_than_chance"]
    assert not report(rng.permutation(labels))["better_than_chance"]
    low, high = report(np.where(rng.random(200) < 0.5, labels, 0))["balanced_accuracy_ci"]
    assert 1 / 3 < low < high
    assert report(np.where(rng.random(200) < 0.5, labels, 0))["better_than_chance"]


def test_calibration_error_of_known_bins():
    # Confidence 0.75 twice, right once: gap 0.25. Confidence 1.0 twice, right twice: gap 0.
    probabilities = np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0], [0.0, 1.0]])
    assert expected_calibration_error(probabilities, np.array([0, 1, 1, 1])) == pytest.approx(0.125)


def test_classwise_calibration_error_of_known_bins():
    # Class a: 0.75 twice, right once, and 0 twice, never right: (0.25 + 0) / 2. Class b mirrors it: 0.25 twice, once.
    probabilities = np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0], [0.0, 1.0]])
    assert classwise_calibration_error(probabilities, np.array([0, 1, 1, 1])) == pytest.approx(0.125)


def test_bootstrap_interval_has_the_width_of_the_binomial():
    labels, predicted = np.repeat([0, 1], 400), np.tile(np.repeat([0, 1], [300, 100]), 2)
    predicted[400:] = 1 - predicted[400:]
    report = evaluate_split(np.eye(2)[predicted], labels, ("a", "b"), resamples=4000, seed=1)
    assert report["confusion"] == [[300, 100], [100, 300]]
    deviation = np.sqrt(0.75 * 0.25 / 800)
    assert report["accuracy_ci"] == pytest.approx([0.75 - 1.96 * deviation, 0.75 + 1.96 * deviation], abs=0.003)
    assert report["macro_f1_ci"] == pytest.approx(report["accuracy_ci"], abs=0.005)


def test_intervals_resample_the_cells_of_the_confusion_matrix(scored):
    """The draws of earlier reports: a multinomial over the cells, from the seed of the project."""
    probabilities, labels = scored
    confusion = sk.confusion_matrix(labels, probabilities.argmax(1))
    drawn = np.random.default_rng(3).multinomial(400, confusion.ravel() / 400, size=300).reshape(-1, 3, 3)
    expected = np.quantile(np.trace(drawn, axis1=1, axis2=2) / 400, [0.025, 0.975]).tolist()
    assert evaluate_split(probabilities, labels, CLASSES, resamples=300, seed=3)["accuracy_ci"] == expected


def test_the_same_seed_gives_the_same_interval(scored):
    first, second = (evaluate_split(*scored, CLASSES, resamples=100, seed=3) for _ in range(2))
    assert first == second
