"""Balancing strategies on small tables: added and removed rows, provenance, determinism, row counts."""

import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from balance_tables import CLASSES, ROWS, SMALL, balance_params, drawn_faces, make
from emopipe.balance.augment import WARP_GRID, Transform, apply_transform, sample_transform
from emopipe.balance.balance import STRATEGIES
from emopipe.balance.report import balance_report
from emopipe.balance.targets import class_targets, missing_rows
from emopipe.core.errors import DataError, ParamsError
from emopipe.core.files import read_json, read_parquet, write_parquet
from emopipe.core.params import load_params
from emopipe.faces.png import decode_png, pixel_digest
from emopipe.faces.table import Faces, faces_to_arrow
from emopipe.faces.training_set import (
    COLUMNS,
    TrainingSet,
    require_train_only,
    training_set_from_arrow,
    training_set_to_arrow,
)
from face_tables import faces_of

ROOT = Path(__file__).parent.parent
LABELS = np.array(["happy"] * 9 + ["sad"] * 2 + ["fear"] * 5)
REMOVING = ("undersample", "smote_enn")
GENERATING = ("augment", "morph", "smote", "borderline_smote", "adasyn", "smote_enn", "deepsmote", "flow")
IDENTITY = Transform(
    rotation=0,
    scale=1,
    shift=(0, 0),
    flip=False,
    brightness=0,
    contrast=1,
    warp=0,
    displacement=np.ones((WARP_GRID, WARP_GRID, 2), np.float32),
)


# Targets


@pytest.mark.parametrize(
    ("target", "targets"),
    [
        (0.5, {"fear": 5, "happy": 5, "sad": 5}),
        (1.0, {"fear": 9, "happy": 9, "sad": 9}),
        ("max", {"fear": 9, "happy": 9, "sad": 9}),
        ("mean", {"fear": 5, "happy": 5, "sad": 5}),
        (7, {"fear": 7, "happy": 7, "sad": 7}),
        ({"sad": 4}, {"fear": 5, "happy": 9, "sad": 4}),
        ({" SAD": 4, "Fear": 6}, {"fear": 6, "happy": 9, "sad": 4}),
    ],
)
def test_a_target_is_max_mean_a_number_a_share_of_the_largest_class_or_numbers_by_class(target, targets):
    assert class_targets(LABELS, target) == targets


def test_rounding_up_a_share_tolerates_floating_point_error():
    assert 0.07 * 100 > 7
    assert class_targets(np.array(["a"] * 100 + ["b"]), 0.07) == {"a": 7, "b": 7}


def test_a_target_for_an_unknown_class_is_an_error():
    with pytest.raises(ParamsError) as error:
        class_targets(LABELS, {"sad": 4, "bored": 4})
    assert str(error.value) == "balance.target names bored, expected classes of train: fear, happy, sad"


def test_a_target_for_a_class_is_found_in_another_composition_and_given_once():
    composed, decomposed = "col\u00e8re", "cole\u0300re"
    assert class_targets(np.array([composed, "peur"]), {decomposed: 4}) == {composed: 4, "peur": 1}
    with pytest.raises(ParamsError, match=r"^balance\.target names a class twice: sad, Sad$"):
        class_targets(LABELS, {"sad": 4, "Sad": 5})


def test_rows_are_missing_only_in_classes_below_their_target():
    assert missing_rows(LABELS, {"fear": 5, "happy": 7, "sad": 5}, 0.9) == {"fear": 0, "happy": 0, "sad": 3}


def test_max_added_scales_down_the_additions_of_all_classes():
    assert missing_rows(LABELS, {"fear": 21, "happy": 9, "sad": 34}, 0.5) == {"fear": 5, "happy": 0, "sad": 10}
    assert missing_rows(LABELS, {"fear": 21, "happy": 9, "sad": 34}, 0.0) == dict.fromkeys(CLASSES, 0)


# All strategies


def test_none_keeps_the_train_faces_in_order():
    faces = faces_of(*ROWS)
    frame = make("none", faces).training_set.frame
    assert frame["id"].tolist() == faces.split("train").frame["id"].tolist()
    assert set(frame["origin"]) == {"real"}


def test_oversample_repeats_faces_of_small_classes():
    frame = make("oversample").training_set.frame
    pd.testing.assert_frame_equal(frame[:16], make("none").training_set.frame, check_dtype=False)
    assert Counter(frame["label"]) == {"happy": 9, "sad": 5, "fear": 5}
    assert frame["origin"][16:].tolist() == ["repeated"] * 3
    assert [(name,) for name in frame["id"][16:]] == frame["parents"][16:].tolist()


def test_undersample_removes_faces_of_large_classes():
    balanced = make("undersample", target={"happy": 4, "sad": 2, "fear": 9})
    frame = balanced.training_set.frame
    assert Counter(frame["label"]) == {"happy": 4, "sad": 2, "fear": 5}
    assert set(frame["origin"]) == {"real"}
    report = balance_report(balanced, CLASSES, balance_params("undersample"))
    assert report["removed"] == {"happy": 5, "sad": 0, "fear": 0}
    assert report["removed_for"] == {"undersampled": 5}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", GENERATING)
def test_every_synthetic_row_has_parents_an_operation_and_a_seed(strategy):
    faces = drawn_faces()
    frame = make(strategy, faces, target="max").training_set.frame
    made = frame[frame["origin"] == "synthetic"]
    label_of = faces.frame.set_index("id")["label"]
    assert len(made) > 0
    for row in made.itertuples():
        assert row.op
        assert row.seed > 0
        assert 1 <= len(row.parents) <= 2
        assert row.id == pixel_digest(decode_png(row.png))
        if strategy != "flow":  # parents of any class
            assert {label_of[parent] for parent in row.parents} == {row.label}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_validation_and_test_faces_have_no_influence(strategy):
    faces = drawn_faces()
    expected = make(strategy, faces, target="max").training_set.frame
    train = faces.split("train")
    pd.testing.assert_frame_equal(make(strategy, train, target="max").training_set.frame, expected)
    held_out = set(faces.frame.query("split != 'train'")["id"])
    assert held_out
    assert not set(expected["id"]) & held_out
    assert not set(expected["parents"].explode().dropna()) & held_out


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "none"])
def test_rows_are_determined_by_the_seed(strategy):
    first, again, other = (
        make(strategy, drawn_faces(), target=SMALL, seed=seed).training_set.frame for seed in (3, 3, 4)
    )
    pd.testing.assert_frame_equal(first, again)
    assert first["id"].tolist() != other["id"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_report_accounts_for_every_row_of_each_class(strategy):
    balanced = make(strategy, drawn_faces(), target="max")
    report = balance_report(balanced, CLASSES, balance_params(strategy))
    rows = balanced.training_set.frame
    for name in CLASSES:
        assert report["before"][name] == report["kept"][name] + report["removed"][name]
        assert report["after"][name] == report["kept"][name] + report["added"][name]
        assert report["after"][name] == (rows["label"] == name).sum()
        if strategy not in REMOVING:
            assert report["after"][name] + report["short"][name] == report["targets"][name]
    assert report["num_real"] + report["num_repeated"] + report["num_synthetic"] == len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["morph", "smote", "borderline_smote", "adasyn", "deepsmote"])
def test_a_class_of_one_face_stays_short_of_its_target(strategy):
    faces = drawn_faces(sad=1)
    balanced = make(strategy, faces, target={"sad": 3})
    report = balance_report(balanced, CLASSES, balance_params(strategy))
    assert report["added"]["sad"] == 0
    assert report["short"]["sad"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_training_set_is_unchanged_by_an_arrow_round_trip(strategy, tmp_path):
    training_set = make(strategy, drawn_faces()).training_set
    write_parquet(tmp_path / "train", training_set_to_arrow(training_set))
    again = training_set_from_arrow(read_parquet(tmp_path / "train"))
    pd.testing.assert_frame_equal(again.frame, training_set.frame, check_dtype=False)


# augment


def test_a_row_of_augment_is_reproducible_from_its_parent_and_seed():
    faces = faces_of(*ROWS, height=20, width=24, channels=3)
    pngs = faces.frame.set_index("id")["png"]
    for row in make("augment", faces).training_set.frame[16:].itertuples():
        transform = sample_transform(row.seed)
        assert row.op == str(transform)
        parent = decode_png(pngs[row.parents[0]])
        np.testing.assert_array_equal(apply_transform(parent, transform), decode_png(row.png))


def gradient(height=20, width=24):
    return np.add.outer(2 * np.arange(height), 5 * np.arange(width)).astype(np.uint8)[:, :, None]


def test_the_identity_transform_keeps_the_pixels():
    np.testing.assert_array_equal(apply_transform(gradient(), IDENTITY), gradient())


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
def test_each_parameter_of_a_transform_has_its_effect(change, expected):
    transformed = apply_transform(gradient(), Transform(**(vars(IDENTITY) | change)))
    inner = (slice(6, -6), slice(6, -6))  # without the reflected border
    np.testing.assert_allclose(transformed[inner].astype(int), expected[inner].astype(int), atol=1)


def test_contrast_scales_the_distance_from_the_mean():
    transformed = apply_transform(gradient(), Transform(**(vars(IDENTITY) | {"contrast": 1.2})))
    assert transformed.std() == pytest.approx(1.2 * gradient().std(), rel=0.01)
    assert transformed.mean() == pytest.approx(gradient().mean(), abs=0.5)


def test_a_warp_is_relative_to_the_side():
    transformed = apply_transform(
        gradient(40, 40), Transform(**(vars(IDENTITY) | {"warp": 0.05}))
    )  # a displacement of 2 pixels
    np.testing.assert_allclose(transformed[4:30, 4:30], gradient(40, 40)[6:32, 6:32], atol=1)


# The training set


def training_set(**changes):
    row = dict.fromkeys(COLUMNS) | {"id": "x", "parents": (), "origin": "real", "op": "none", "seed": 0, "label": "sad"}
    return TrainingSet(pd.DataFrame([row | changes], columns=list(COLUMNS)))


def test_an_unknown_origin_is_an_error():
    with pytest.raises(DataError, match=r"expected the origins .*, got also \['copied'\]"):
        training_set(origin="copied")


@pytest.mark.parametrize(
    "changes", [{"parents": ("x",)}, {"origin": "repeated"}, {"png": b""}, {"origin": "synthetic", "parents": ("x",)}]
)
def test_inconsistent_rows_are_an_error(changes):
    with pytest.raises(AssertionError):
        training_set(**changes)


def test_rows_and_parents_outside_train_are_an_error():
    faces = faces_of(*ROWS)
    inside, outside = faces.frame["id"].iloc[[9, 16]]
    require_train_only(training_set(id=inside), faces)
    with pytest.raises(DataError, match="expected real and repeated rows to be faces of train, got 1 others"):
        require_train_only(training_set(id=outside), faces)
    with pytest.raises(DataError, match="expected real and repeated rows to be faces of train, got 1 others"):
        require_train_only(training_set(id=inside, label="happy"), faces)
    with pytest.raises(DataError, match="expected parents to be faces of train, got 1 others"):
        require_train_only(training_set(origin="synthetic", parents=(inside, outside), png=b"new"), faces)


def test_a_synthetic_image_equal_to_a_face_is_an_error():
    faces = faces_of(*ROWS)
    inside, outside = faces.frame["id"].iloc[[9, 16]]
    with pytest.raises(DataError) as error:
        require_train_only(training_set(id=outside, origin="synthetic", parents=(inside,), png=b"new"), faces)
    assert str(error.value) == (
        f"expected synthetic pictures to differ from all faces, got 1 others ({outside}): "
        "set validate.policy.constant_image to drop"
    )


def test_a_table_without_train_faces_is_an_error():
    with pytest.raises(DataError, match="expected faces in train, got none"):
        make("none", faces_of("val happy A"))


def test_duplicate_faces_stay_separate_rows():
    twice = faces_of(*ROWS, "train happy H0")
    assert isinstance(twice, Faces)
    assert len(make("none", twice).training_set) == 17


# The stage


def test_the_stage_writes_training_set_report_and_page(tmp_path):
    write_parquet(tmp_path / "clean", faces_to_arrow(faces_of(*ROWS)))
    main = runpy.run_path(str(ROOT / "stages" / "balance.py"))["main"]
    params = load_params(ROOT / "params.yaml")
    oversampling = replace(params.balance, strategy="oversample")
    outs = {name: tmp_path / name for name in ("clean", "training_set", "report", "pages")}
    main(params.base, params.image, oversampling, **outs)
    assert len(training_set_from_arrow(read_parquet(tmp_path / "training_set"))) == 19
    assert read_json(tmp_path / "report")["after"]["sad"] == 5
    assert "no synthetic images" in (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
