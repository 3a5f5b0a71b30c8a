import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emopipe.balance import STRATEGIES, balance, balance_report
from emopipe.balance.addition import num_missing
from emopipe.balance.augment import WARP_GRID, Alteration, alter, draw_alteration
from emopipe.errors import DataError
from emopipe.faces import Faces, faces_to_arrow
from emopipe.files import read_json, read_parquet, write_parquet
from emopipe.images import decode_png, pixel_digest
from emopipe.params import BalanceParams, load_params
from emopipe.training_set import (
    COLUMNS,
    TrainingSet,
    require_train_only,
    training_set_from_arrow,
    training_set_to_arrow,
)
from face_tables import faces_of

ROOT = Path(__file__).parent.parent
CLASSES = ("happy", "sad", "fear")
ROWS = (
    *(f"train happy H{number}" for number in range(9)),
    *(f"train sad S{number}" for number in range(2)),
    *(f"train fear F{number}" for number in range(5)),
    *(f"val sad V{number}" for number in range(4)),
    *(f"test sad T{number}" for number in range(4)),
)
UNCHANGED = Alteration(
    rotation=0,
    scale=1,
    shift=(0, 0),
    flip=False,
    brightness=0,
    contrast=1,
    warp=0,
    displacement=np.ones((WARP_GRID, WARP_GRID, 2), np.float32),
)


def config(strategy, target_ratio=0.5):
    return BalanceParams(strategy=strategy, target_ratio=target_ratio)


def make(strategy, faces=None, *, seed=0, target_ratio=0.5):
    return balance(faces or faces_of(*ROWS), config(strategy, target_ratio), seed=seed)


@pytest.mark.parametrize(
    ("target_ratio", "missing"),
    [
        (0.5, {"fear": 0, "happy": 0, "sad": 3}),
        (1.0, {"fear": 4, "happy": 0, "sad": 7}),
        (0.1, dict.fromkeys(CLASSES, 0)),
    ],
)
def test_each_class_is_raised_to_the_ratio_rounded_up_and_none_is_lowered(target_ratio, missing):
    labels = np.array(["happy"] * 9 + ["sad"] * 2 + ["fear"] * 5)
    assert num_missing(labels, target_ratio) == missing


def test_a_ratio_that_meets_a_whole_number_is_not_rounded_above_it():
    assert 0.07 * 100 > 7
    assert num_missing(np.array(["a"] * 100 + ["b"]), 0.07) == {"a": 0, "b": 6}


def test_none_is_the_train_faces_in_their_order():
    faces = faces_of(*ROWS)
    frame = make("none", faces).frame
    assert frame["id"].tolist() == faces.split("train").frame["id"].tolist()
    assert set(frame["origin"]) == {"real"}


@pytest.mark.parametrize(("strategy", "origin"), [("oversample", "repeated"), ("augment", "synthetic")])
def test_strategies_add_to_the_real_rows_what_the_classes_lack(strategy, origin):
    frame = make(strategy).frame
    pd.testing.assert_frame_equal(frame[:16], make("none").frame, check_dtype=False)
    assert Counter(frame["label"]) == {"happy": 9, "sad": 5, "fear": 5}
    assert frame["origin"][16:].tolist() == [origin] * 3
    assert frame["label"][16:].tolist() == ["sad"] * 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_val_and_test_rows_change_nothing(strategy):
    others = faces_of(*ROWS[:16], "val happy X", "test fear Y")
    expected = make(strategy, target_ratio=1.0).frame
    pd.testing.assert_frame_equal(make(strategy, others, target_ratio=1.0).frame, expected)
    held_out = faces_of(*ROWS).frame.query("split != 'train'")["id"]
    assert not set(expected["id"]) & set(held_out)


@pytest.mark.parametrize("strategy", ["oversample", "augment"])
def test_the_seed_decides(strategy):
    first = make(strategy, target_ratio=1.0).frame
    pd.testing.assert_frame_equal(make(strategy, target_ratio=1.0).frame, first)
    assert make(strategy, target_ratio=1.0, seed=1).frame["id"].tolist() != first["id"].tolist()


def test_repeated_rows_name_the_face_that_they_repeat():
    repeated = make("oversample").frame[16:]
    assert [(name,) for name in repeated["id"]] == repeated["parents"].tolist()
    assert repeated["png"].isna().all()


def test_a_synthetic_row_can_be_made_again_from_its_parent_and_its_seed():
    faces = faces_of(*ROWS, height=20, width=24, channels=3)
    pngs = faces.frame.set_index("id")["png"]
    for row in make("augment", faces).frame[16:].itertuples():
        made = decode_png(row.png)
        again = draw_alteration(row.seed)
        assert row.id == pixel_digest(made)
        assert row.op == str(again)
        np.testing.assert_array_equal(alter(decode_png(pngs[row.parents[0]]), again), made)


def test_all_faces_of_a_class_are_parents_equally_often():
    synthetic = make("augment", target_ratio=1.0).frame[16:]
    used = Counter(parents[0] for parents in synthetic["parents"][synthetic["label"] == "sad"])
    assert sorted(used.values()) == [3, 4]


def gradient(height=20, width=24):
    return np.add.outer(2 * np.arange(height), 5 * np.arange(width)).astype(np.uint8)[:, :, None]


def test_the_alteration_that_alters_nothing_gives_the_same_pixels():
    np.testing.assert_array_equal(alter(gradient(), UNCHANGED), gradient())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"flip": True}, gradient()[:, ::-1]),
        ({"brightness": 20.0}, gradient() + 20),
        ({"shift": (0.25, 0.0)}, np.roll(gradient(), 6, axis=1)),
        ({"shift": (0.0, -0.25)}, np.roll(gradient(), -5, axis=0)),
        ({"rotation": 180.0}, gradient()[::-1, ::-1]),
    ],
)
def test_each_alteration_does_what_it_says(change, expected):
    altered = alter(gradient(), Alteration(**(vars(UNCHANGED) | change)))
    inner = (slice(6, -6), slice(6, -6))  # the border is mirrored
    np.testing.assert_allclose(altered[inner].astype(int), expected[inner].astype(int), atol=1)


def test_contrast_widens_around_the_mean():
    altered = alter(gradient(), Alteration(**(vars(UNCHANGED) | {"contrast": 1.2})))
    assert altered.std() == pytest.approx(1.2 * gradient().std(), rel=0.01)
    assert altered.mean() == pytest.approx(gradient().mean(), abs=0.5)


def test_a_warp_moves_pixels_by_its_share_of_the_side():
    altered = alter(gradient(40, 40), Alteration(**(vars(UNCHANGED) | {"warp": 0.05})))  # two pixels, everywhere
    np.testing.assert_allclose(altered[4:30, 4:30], gradient(40, 40)[6:32, 6:32], atol=1)


def test_a_training_set_survives_its_arrow_form(tmp_path):
    for strategy in STRATEGIES:
        training_set = make(strategy)
        write_parquet(tmp_path / "train", training_set_to_arrow(training_set))
        again = training_set_from_arrow(read_parquet(tmp_path / "train"))
        pd.testing.assert_frame_equal(again.frame, training_set.frame, check_dtype=False)


def training_set(**changes):
    row = dict.fromkeys(COLUMNS) | {"id": "x", "parents": (), "origin": "real", "op": "none", "seed": 0, "label": "sad"}
    return TrainingSet(pd.DataFrame([row | changes], columns=list(COLUMNS)))


def test_an_unknown_origin_is_refused():
    with pytest.raises(DataError, match=r"expected the origins .*, got also \['copied'\]"):
        training_set(origin="copied")


@pytest.mark.parametrize(
    "changes", [{"parents": ("x",)}, {"origin": "repeated"}, {"png": b""}, {"origin": "synthetic", "parents": ("x",)}]
)
def test_rows_that_contradict_themselves_are_refused(changes):
    with pytest.raises(AssertionError):
        training_set(**changes)


def test_rows_and_parents_from_outside_train_are_refused():
    faces = faces_of(*ROWS)
    inside, outside = faces.frame["id"].iloc[[9, 16]]
    require_train_only(training_set(id=inside), faces)
    with pytest.raises(DataError, match="expected real and repeated rows to be faces of train, got 1 others"):
        require_train_only(training_set(id=outside), faces)
    with pytest.raises(DataError, match="expected real and repeated rows to be faces of train, got 1 others"):
        require_train_only(training_set(id=inside, label="happy"), faces)
    with pytest.raises(DataError, match="expected parents to be faces of train, got 1 others"):
        require_train_only(training_set(origin="synthetic", parents=(inside, outside), png=b"new"), faces)


def test_a_synthetic_picture_that_is_a_face_is_refused():
    faces = faces_of(*ROWS)
    inside, outside = faces.frame["id"].iloc[[9, 16]]
    with pytest.raises(DataError) as error:
        require_train_only(training_set(id=outside, origin="synthetic", parents=(inside,), png=b"new"), faces)
    assert str(error.value) == (
        f"expected synthetic pictures to differ from all faces, got 1 others ({outside}): "
        "set validate.policy.constant_image to drop"
    )


def test_a_table_without_train_faces_is_refused():
    with pytest.raises(DataError, match="expected faces in train, got none"):
        make("none", faces_of("val happy A"))


def test_the_report_counts_before_and_after():
    assert balance_report(make("augment"), CLASSES, config("augment")) == {
        "strategy": "augment",
        "target_ratio": 0.5,
        "before": {"happy": 9, "sad": 2, "fear": 5},
        "after": {"happy": 9, "sad": 5, "fear": 5},
        "num_real": 16,
        "num_repeated": 0,
        "num_synthetic": 3,
        "share_synthetic": 0.157895,
    }


def test_the_stage_writes_training_set_and_report(tmp_path):
    write_parquet(tmp_path / "clean", faces_to_arrow(faces_of(*ROWS)))
    main = runpy.run_path(str(ROOT / "stages" / "balance.py"))["main"]
    main(load_params(ROOT / "params.yaml"), **{name: tmp_path / name for name in ("clean", "train", "report")})
    assert len(training_set_from_arrow(read_parquet(tmp_path / "train"))) == 19
    assert read_json(tmp_path / "report")["after"]["sad"] == 5


def test_faces_that_occur_twice_are_two_rows():
    twice = faces_of(*ROWS, "train happy H0")
    assert isinstance(twice, Faces)
    assert len(make("none", twice)) == 17
