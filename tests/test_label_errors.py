"""Planted label errors are found by out-of-fold models."""

import numpy as np
import pytest

from emopipe.vision.hog import SIDE, describe
from emopipe.vision.label_errors import find_label_errors

CLASSES = ("above", "below", "middle")
NUM_FACES, NUM_WRONG = 900, 60


def bands(labels, rng):
    """Noise with a bright band, whose height is the class: uint8 (N, SIDE, SIDE, 1)."""
    images = rng.integers(0, 120, (len(labels), SIDE, SIDE, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top = (3, 33, 18)[label]
        image[top : top + 12] = 220
    return images


def labelled():
    """Images, their labels, which of these are wrong, and the true ones."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, NUM_FACES)
    wrong = np.zeros(NUM_FACES, dtype=bool)
    wrong[rng.choice(NUM_FACES, NUM_WRONG, replace=False)] = True
    return bands(truth, rng), np.where(wrong, (truth + 1) % 3, truth), wrong, truth


def scored(max_quality):
    images, labels, _, _ = labelled()
    groups = np.arange(NUM_FACES)
    return find_label_errors(
        describe(images), labels, groups, classes=CLASSES, folds=3, max_quality=max_quality, seed=0
    )


@pytest.fixture(scope="module")
def scores():
    """The scores, which labels are wrong, and the true ones."""
    return scored(0.5), *labelled()[2:]


@pytest.mark.slow
def test_wrong_labels_are_the_suspects(scores):
    table, wrong, _ = scores
    found = (table["suspect"].to_numpy() & wrong).sum()
    assert found >= 0.9 * NUM_WRONG
    assert found >= 0.8 * table["suspect"].sum()
    assert table["quality"].between(0, 1).all()
    assert table["quality"][wrong].median() < 0.3
    assert table["quality"][~wrong].median() > 0.7


def test_the_right_label_is_suggested(scores):
    table, wrong, truth = scores
    assert (table["suggested"][wrong] == np.array(CLASSES)[truth[wrong]]).mean() > 0.9


@pytest.mark.slow
def test_only_labels_below_the_limit_are_suspects(scores):
    table = scores[0]
    quality = table["quality"][table["suspect"]]
    assert quality.max() < 0.5
    limit = quality.median()
    again = scored(limit)
    assert again["suspect"].equals(table["suspect"] & (table["quality"] < limit))


@pytest.mark.slow
def test_groups_never_cross_folds():
    """Twenty copies of one face have one wrong label: a model trained on the others would confirm it."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 300)
    images = bands(truth, rng)
    images[:20], truth[:20] = images[0], truth[0]
    labels = truth.copy()
    labels[:20] = (truth[:20] + 1) % 3
    features = describe(images)
    together = np.where(np.arange(300) < 20, 0, np.arange(300))

    def quality(groups):
        table = find_label_errors(features, labels, groups, classes=CLASSES, folds=3, max_quality=0.5, seed=0)
        return table["quality"][:20].mean()

    assert quality(together) < 0.3 < quality(np.arange(300))


def test_hog_features_describe_shape_not_light():
    rng = np.random.default_rng(3)
    face = rng.integers(40, 120, (60, 50, 3), dtype=np.uint8)
    plain, darker, other = describe([face, face // 2, face[::-1]]).astype(np.float64)
    assert np.linalg.norm(plain - darker) < 0.3 * np.linalg.norm(plain - other)
