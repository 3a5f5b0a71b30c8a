"""Labels that were set wrong on purpose are found by models that have not seen them."""

import numpy as np
import pytest
import torch

from emopipe.label_quality import SIDE, judge_labels
from emopipe.training.data import LabelledImages

CLASSES = ("above", "below", "middle")
NUM_FACES, NUM_WRONG = 900, 60


def bands(labels, rng):
    """Noise with a bright band, whose height is the class: uint8 (N, SIDE, SIDE, 1)."""
    images = rng.integers(0, 120, (len(labels), SIDE, SIDE, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top = (2, 22, 12)[label]
        image[top : top + 8] = 220
    return images


@pytest.fixture(scope="module")
def judged():
    """The table of judgements, and which labels are wrong."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, NUM_FACES)
    wrong = np.zeros(NUM_FACES, dtype=bool)
    wrong[rng.choice(NUM_FACES, NUM_WRONG, replace=False)] = True
    labels = np.where(wrong, (truth + 1) % 3, truth)
    data = LabelledImages(images=torch.from_numpy(bands(truth, rng)), labels=torch.from_numpy(labels))
    return judge_labels(data, np.arange(NUM_FACES), classes=CLASSES, folds=3, seed=0), wrong, truth


@pytest.mark.slow
def test_wrong_labels_are_the_suspects(judged):
    table, wrong, _ = judged
    found = (table["suspect"].to_numpy() & wrong).sum()
    assert found >= 0.9 * NUM_WRONG
    assert found >= 0.8 * table["suspect"].sum()
    assert table["quality"].between(0, 1).all()
    assert table["quality"][wrong].median() < 0.3
    assert table["quality"][~wrong].median() > 0.7


@pytest.mark.slow
def test_the_right_label_is_suggested(judged):
    table, wrong, truth = judged
    assert (table["suggested"][wrong] == np.array(CLASSES)[truth[wrong]]).mean() > 0.9
