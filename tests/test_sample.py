"""The drawn faces: reproducible, varied by expression, and with exactly the defects that are announced."""

import lzma
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emopipe.core.errors import ParamsError
from emopipe.faces.classes import FER2013_CLASSES
from emopipe.ingest.sample.defects import (
    BRIGHTENING,
    NOISE,
    TOO_BRIGHT,
    UNKNOWN_EMOTION,
    DefectCounts,
    defect_counts,
    make_defects,
    pixels_array,
)
from emopipe.ingest.sample.expressions import PROTOTYPES, sample_expression
from emopipe.ingest.sample.generate import draw_faces, sample_labels
from emopipe.ingest.sample.table import USAGES, sample_table, write_sample

SIZE, NUM_FACES = 20, 400
SOUND_PIXELS = SIZE * SIZE


@pytest.fixture(scope="module")
def sound() -> pd.DataFrame:
    return sample_table(NUM_FACES, size=SIZE, seed=3, defects=False)


@pytest.fixture(scope="module")
def defective() -> pd.DataFrame:
    return sample_table(NUM_FACES, size=SIZE, seed=3)


def added_rows(sound: pd.DataFrame, defective: pd.DataFrame) -> Counter[tuple[int, str, str]]:
    def rows(table: pd.DataFrame) -> Counter[tuple[int, str, str]]:
        return Counter(table.itertuples(index=False, name=None))

    assert not rows(sound) - rows(defective), "every sound row is still there"
    return rows(defective) - rows(sound)


def pictures(table: pd.DataFrame) -> np.ndarray:
    return np.stack([pixels_array(text).reshape(SIZE, SIZE) for text in table["pixels"]])  # (N, H, W)


def test_drawing_twice_gives_the_same_bytes() -> None:
    first, second = (draw_faces(FER2013_CLASSES, size=48, seed=5) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_a_face_depends_on_its_position_and_label_but_not_on_the_others() -> None:
    many = draw_faces(["happy", "sad", "fear", "angry"], size=32, seed=1)
    few = draw_faces(["neutral", "sad"], size=32, seed=1)
    assert np.array_equal(many[1], few[1])
    assert not np.array_equal(many[0], few[0])


def test_another_seed_draws_another_person() -> None:
    assert not np.array_equal(draw_faces(["sad"], size=32, seed=1), draw_faces(["sad"], size=32, seed=2))


@pytest.mark.parametrize(("num_faces", "size"), [(0, 48), (1, 16), (3, 61), (1, 224)])
def test_faces_have_the_shape_that_was_asked_for(num_faces: int, size: int) -> None:
    faces = draw_faces(["surprise"] * num_faces, size=size, seed=0)
    assert faces.shape == (num_faces, size, size, 1)
    assert faces.dtype == np.uint8


def test_every_face_has_contrast() -> None:
    faces = draw_faces(list(FER2013_CLASSES) * 10, size=48, seed=0)
    assert faces.reshape(len(faces), -1).std(axis=1).min() > 8


def test_a_larger_picture_shows_the_same_face() -> None:
    small, large = (
        draw_faces(["happy"], size=48, seed=4)[0, :, :, 0],
        draw_faces(["happy"], size=96, seed=4)[0, :, :, 0],
    )
    averaged = large.reshape(48, 2, 48, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), averaged.ravel())[0, 1] > 0.97


def test_the_label_changes_the_picture_of_the_same_person_moderately() -> None:
    neutral = draw_faces(["neutral"], size=48, seed=2)[0].astype(int)
    for label in FER2013_CLASSES[:-1]:
        difference = np.abs(draw_faces([label], size=48, seed=2)[0] - neutral).mean()
        assert 0.5 < difference < 25, label


def test_each_emotion_has_a_prototype_of_its_own() -> None:
    assert sorted(PROTOTYPES) == sorted(FER2013_CLASSES)
    prototypes = [prototype for several in PROTOTYPES.values() for prototype in several]
    assert len(set(prototypes)) == len(prototypes)


def test_units_have_the_strengths_of_their_prototypes_on_average() -> None:
    smiles = [sample_expression("happy", np.random.default_rng(i)).middle for i in range(300)]
    assert 0.5 < np.mean([units.corner_pull for units in smiles]) < 1.0
    assert np.mean([units.corner_depress for units in smiles]) < 0.1
    assert np.std([units.corner_pull for units in smiles]) > 0.1


def test_labels_have_the_shares_of_fer2013_and_enough_of_the_rarest() -> None:
    counts = Counter(sample_labels(2000, seed=0))
    assert counts["disgust"] == 60
    assert counts.total() == 2000
    assert counts["happy"] / counts["surprise"] == pytest.approx(7215 / 3171, rel=0.01)


@pytest.mark.parametrize("num_faces", [7, 20, 101, 36_001])
def test_labels_are_as_many_as_asked_for_and_of_every_class(num_faces: int) -> None:
    labels = sample_labels(num_faces, seed=0)
    assert len(labels) == num_faces
    assert set(labels) == set(FER2013_CLASSES)


def test_labels_are_shuffled_by_the_seed() -> None:
    assert sample_labels(50, seed=1) == sample_labels(50, seed=1)
    assert sample_labels(50, seed=1) != sample_labels(50, seed=2)


@pytest.mark.slow
def test_a_sound_table_is_divided_70_15_15_in_each_class(sound: pd.DataFrame) -> None:
    assert len(sound) == NUM_FACES
    counts = sound.groupby("emotion")["Usage"].value_counts().unstack()
    share = counts["Training"] / counts.sum(axis=1)
    assert share.between(0.6, 0.75).all()
    assert (counts["PublicTest"] == counts["PrivateTest"]).all()


@pytest.mark.slow
def test_a_sound_table_holds_no_picture_twice(sound: pd.DataFrame) -> None:
    assert sound["pixels"].is_unique
    assert all(pixels_array(text).size == SOUND_PIXELS for text in sound["pixels"])


@pytest.mark.slow
def test_usages_follow_each_other_as_in_fer2013(defective: pd.DataFrame) -> None:
    assert tuple(defective["Usage"].unique()) == USAGES


@pytest.mark.slow
def test_a_table_has_exactly_the_defects_that_are_counted(sound: pd.DataFrame, defective: pd.DataFrame) -> None:
    home = dict(zip(sound["pixels"], zip(sound["emotion"], sound["Usage"], strict=True), strict=True))
    found: Counter[str] = Counter()
    for emotion, text, usage, _ in added_rows(sound, defective).elements():
        pixels = pixels_array(text)
        if emotion == UNKNOWN_EMOTION:
            found["unknown_labels"] += 1
        elif pixels.size == SOUND_PIXELS - 1:
            found["short_rows"] += 1
        elif pixels.max() == TOO_BRIGHT:
            found["bright_rows"] += 1
        elif np.ptp(pixels) == 0:
            found["constant_images"] += 1
        elif text not in home:
            found["near_duplicates"] += usage == "Training"
        elif home[text][0] != emotion:
            found["label_conflicts"] += home[text][1] == usage == "Training"
        else:
            kind = {"Training": "train_duplicates", "PublicTest": "val_leaks", "PrivateTest": "test_leaks"}
            found[kind[home[text][1]]] += usage == "Training"
    assert found == vars(defect_counts(NUM_FACES))
    assert len(defective) - len(sound) == found.total()


@pytest.mark.slow
def test_near_duplicates_are_brighter_shifted_and_noisier_in_turn(sound: pd.DataFrame) -> None:
    counts = DefectCounts()
    first = counts.train_duplicates + counts.test_leaks + counts.val_leaks
    rows = make_defects(sound, counts, np.random.default_rng(0)).iloc[first : first + counts.near_duplicates]
    held_out = pictures(sound[sound["Usage"] != "Training"])
    near = pictures(rows)
    for brighter, shifted, noisier in (near[:3], near[3:]):
        assert (np.minimum(held_out + BRIGHTENING, 255) == brighter).all(axis=(1, 2)).sum() == 1
        assert (held_out[:, :, :-1] == shifted[:, 1:]).all(axis=(1, 2)).sum() == 1
        assert (np.abs(held_out - noisier).max(axis=(1, 2)) <= NOISE).sum() == 1
    assert set(rows["Usage"]) == {"Training"}


@pytest.mark.slow
def test_constant_images_are_two_different_ones_in_two_splits(defective: pd.DataFrame) -> None:
    constant = defective[[len(set(text.split())) == 1 for text in defective["pixels"]]]
    assert list(constant["Usage"]) == ["Training", "PublicTest"]
    assert constant["pixels"].is_unique


def test_defect_counts_grow_with_the_table() -> None:
    assert (defect_counts(200).train_duplicates, defect_counts(2000).train_duplicates) == (1, 12)
    assert defect_counts(20_000).test_leaks == 80
    assert defect_counts(20_000).short_rows == 1


@pytest.mark.slow
def test_the_file_is_the_table_and_the_same_bytes_each_time(tmp_path: Path, defective: pd.DataFrame) -> None:
    paths = [tmp_path / "new" / "a.csv.xz", tmp_path / "b.csv.xz"]
    for path in paths:
        write_sample(path, num_faces=NUM_FACES, size=SIZE, seed=3)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), defective)
    assert lzma.decompress(paths[0].read_bytes()).startswith(b"emotion,pixels,Usage,drawn\n")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.csv.xz", "b.csv.xz"]


@pytest.mark.slow
def test_a_face_takes_little_room_in_the_file(tmp_path: Path) -> None:
    write_sample(tmp_path / "s.csv.xz", num_faces=70, size=48, seed=0, defects=False)
    assert (tmp_path / "s.csv.xz").stat().st_size < 0.6 * 70 * 48 * 48


def test_a_table_of_too_few_faces_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"^expected at least 200 faces for planted defects, got 199$"):
        sample_table(199, size=16, seed=0)
    with pytest.raises(ParamsError, match=r"^expected at least 70 faces, got 69$"):
        sample_table(69, size=16, seed=0, defects=False)


def test_wrong_arguments_are_named_in_one_line() -> None:
    with pytest.raises(ParamsError, match=r"^expected labels among angry, .*, neutral; got bored$"):
        draw_faces(["happy", "bored"], size=48, seed=0)
    with pytest.raises(ParamsError, match=r"^expected a size of at least 16 pixels, got 15$"):
        draw_faces(["happy"], size=15, seed=0)
    with pytest.raises(ParamsError, match=r"^expected a seed of at least 0, got -1$"):
        draw_faces(["happy"], size=48, seed=-1)
    with pytest.raises(ParamsError, match=r"^expected at least 7 faces, one of each class; got 6$"):
        sample_labels(6, seed=0)
