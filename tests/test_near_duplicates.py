"""Near-duplicates are paired, by descriptors and then by pixels; other images are not."""

import cv2
import numpy as np
import pandas as pd
import pytest

from emopipe.vision.image_stats import measure
from emopipe.vision.near_duplicates import NEAREST, Pairs, candidates, confirm, connected_groups, details

CHANGES = {
    "brighter": lambda face: cv2.convertScaleAbs(face, alpha=0.9, beta=20),
    "shifted": lambda face: np.roll(face, (1, -1), (0, 1)),
    "re-encoded": lambda face: cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0),
    "stamped": lambda face: cv2.putText(face.copy(), "stock", (4, 40), cv2.FONT_HERSHEY_PLAIN, 0.7, 255),
    "noisy": lambda face: np.clip(face + np.random.default_rng(1).normal(0, 6, face.shape), 0, 255).astype(np.uint8),
    "mirrored": lambda face: face[:, ::-1],
    "reduced": lambda face: cv2.resize(face, (36, 36), interpolation=cv2.INTER_AREA),
}


def drawing(seed):
    """Blobs and edges on a gradient, uint8 (48, 48)."""
    rng = np.random.default_rng(seed)
    face = np.linspace(60, 160, 48 * 48).reshape(48, 48)
    for _ in range(12):
        centre, radius = rng.integers(4, 44, 2).tolist(), int(rng.integers(2, 9))
        cv2.circle(face, centre, radius, int(rng.integers(0, 255)), -1)
    return cv2.GaussianBlur(face, (0, 0), 0.8).astype(np.uint8)


def near(pictures, min_similarity=0.88):
    stacked = [np.ascontiguousarray(picture)[:, :, None] for picture in pictures]
    proposed = candidates(measure(stacked).descriptors)
    return confirm(proposed, [details(picture) for picture in stacked].__getitem__, min_similarity)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change):
    pictures = [drawing(seed) for seed in range(40)]
    found = near([*pictures, CHANGES[change](pictures[7])])
    assert found.pairs.tolist() == [[7, 40]]
    assert found.mirrored.tolist() == [change == "mirrored"]
    assert found.similarity[0] > 0.88


def test_different_pictures_are_no_pairs():
    assert not len(near([drawing(seed) for seed in range(60)]).pairs)


def test_pictures_that_show_nothing_are_no_pairs():
    flat = [np.full((48, 48), level, np.uint8) for level in (0, 90, 200)]
    assert not len(near([*flat, drawing(0)]).pairs)


def test_no_pictures_have_no_pairs():
    assert not len(candidates(measure([]).descriptors).pairs)


@pytest.mark.slow
def test_among_many_pictures_copies_are_still_found():
    rng = np.random.default_rng(0)
    descriptors = rng.normal(size=(6000, 143)).astype(np.float32)
    descriptors[3000:3100] = descriptors[:100] + 0.3 * rng.normal(size=(100, 143))
    found = set(map(tuple, candidates(descriptors).pairs.tolist()))
    assert len(found & {(row, row + 3000) for row in range(100)}) >= 95


@pytest.mark.slow
def test_pairs_of_pictures_that_are_all_alike_grow_with_their_number_and_not_its_square():
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(6, 143)).astype(np.float32)
    for number in (600, 1200, 6000):
        descriptors = kinds[np.arange(number) % 6] + 0.3 * rng.normal(size=(number, 143)).astype(np.float32)
        found = candidates(descriptors)
        assert 0 < len(found.pairs) <= number * NEAREST * 2
        assert (found.pairs[:, 0] < found.pairs[:, 1]).all()


def test_groups_connect_shared_images_and_pairs_in_several_steps():
    pairs = Pairs(pairs=np.array([[0, 1], [1, 3]]), mirrored=np.zeros(2, bool), similarity=np.ones(2))
    assert connected_groups(pd.Series(["d", "b", "d", "c", "a"]), pairs).tolist() == ["b", "b", "b", "b", "a"]
