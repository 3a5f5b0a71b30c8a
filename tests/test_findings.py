import numpy as np
import pytest

from emopipe.faces.png import decode_png
from emopipe.validate.findings import KINDS, drop_reasons, find_defects, forbidden_defects
from face_tables import evidence_of, faces_of, validate_params


def find(faces, **changes):
    findings = find_defects(evidence_of(faces), validate_params(**changes))
    return {finding.kind: finding for finding in findings}


def reasons(faces, **changes):
    return drop_reasons(list(find(faces, **changes).values()), len(faces)).tolist()


def test_of_exact_duplicates_the_first_of_each_split_stays():
    faces = faces_of("train happy A", "train sad B", "train happy A", "val happy C", "val happy C", "train happy A")
    found = find(faces)["exact_duplicate"]
    assert found.rows.tolist() == [0, 2, 5, 3, 4]
    assert found.groups.tolist() == [0, 0, 0, 1, 1]
    assert (found.num_rows, found.num_groups) == (5, 2)
    assert reasons(faces) == [None, None, "exact_duplicate", None, "exact_duplicate", "exact_duplicate"]


def test_a_leak_stays_in_test_before_val_before_train():
    faces = faces_of(
        "train happy A", "val happy A", "test happy A", "train happy B", "val happy B", "train sad C", "test sad C"
    )
    assert find(faces)["split_leak"].num_groups == 3
    assert reasons(faces) == ["split_leak", "split_leak", None, "split_leak", None, "split_leak", None]


def test_all_rows_of_a_conflict_go_from_train_and_val():
    faces = faces_of("train happy A", "train sad A", "val happy B", "val fear B", "train sad C")
    assert find(faces)["label_conflict"].num_groups == 2
    assert reasons(faces) == ["label_conflict"] * 4 + [None]


def test_a_conflict_with_test_goes_from_train_though_leaks_are_kept():
    faces = faces_of("train happy A", "test sad A")
    assert reasons(faces, split_leak="keep") == ["label_conflict", None]


def test_a_picture_is_constant_up_to_the_range_and_not_above():
    evidence = evidence_of(faces_of("train happy A", "train happy B"))
    evidence.measures[["darkest", "brightest"]] = [[10, 14], [10, 15]]
    found = {finding.kind: finding for finding in find_defects(evidence, validate_params(constant_range=4))}
    assert found["constant_image"].rows.tolist() == [0]


def test_small_and_elongated_pictures_are_found_beyond_the_limits_and_stay_in_test():
    evidence = evidence_of(faces_of("train happy A", "train happy B", "val happy C", "val sad D", "test sad E"))
    evidence.faces["width"], evidence.faces["height"] = [16, 48, 32, 33, 3000], [16, 15, 16, 16, 4]
    findings = find_defects(evidence, validate_params(min_size=16, max_aspect=2.0))
    found = {finding.kind: finding for finding in findings}
    assert found["small_image"].rows.tolist() == [4, 1]
    assert found["elongated_image"].rows.tolist() == [4, 1, 3]
    assert drop_reasons(findings, 5).tolist() == [None, "small_image", None, "elongated_image", None]


def test_constant_images_go_from_train_and_val_and_stay_in_test():
    faces = faces_of("train happy blank1", "val happy blank2", "test happy blank3")
    assert reasons(faces) == ["constant_image", "constant_image", None]


@pytest.mark.slow
def test_a_row_with_several_defects_counts_under_the_first_kind():
    faces = faces_of("train happy blank", "train sad blank", "train happy blank", "test happy blank", "train sad A")
    found = find(faces)
    assert {kind: finding.num_rows for kind, finding in found.items() if finding.num_rows} == {
        "constant_image": 4,
        "split_leak": 4,
        "label_conflict": 4,
        "exact_duplicate": 2,
    }
    assert reasons(faces) == ["constant_image"] * 3 + [None, None]
    assert reasons(faces, constant_image="keep") == ["split_leak"] * 3 + [None, None]
    assert reasons(faces, constant_image="keep", split_leak="keep") == ["label_conflict"] * 3 + [None, None]


def test_what_is_kept_is_found_and_not_dropped():
    faces = faces_of("train happy A", "train happy A")
    assert find(faces, exact_duplicate="keep")["exact_duplicate"].num_rows == 2
    assert reasons(faces, exact_duplicate="keep") == [None, None]


def test_a_policy_of_fail_says_how_many_and_where_in_one_line():
    faces = faces_of("train happy A", "train sad A", "train fear A", "val sad A")
    assert forbidden_defects(list(find(faces, label_conflict="fail").values()), faces.frame) == (
        "label_conflict: expected none (validate.policy.label_conflict is fail), got 4 rows in 1 groups "
        "(f.csv:1, f.csv:2, f.csv:3). Correct the source, or set the policy to drop or keep"
    )


def test_a_policy_of_fail_is_silent_where_there_is_nothing():
    faces = faces_of("train happy A", "train sad B")
    assert forbidden_defects(list(find(faces, label_conflict="fail").values()), faces.frame) == ""


def test_a_table_without_faces_has_no_findings():
    assert [finding.num_groups for finding in find(faces_of()).values()] == [0] * len(KINDS)


@pytest.mark.parametrize("seed", range(20))
def test_cleaning_any_table_keeps_test_whole_and_leaves_nothing_to_find_elsewhere(seed):
    rng = np.random.default_rng(seed)
    draws = [rng.choice(["train", "train", "val", "test"], 40), rng.choice(["happy", "sad"], 40, p=[0.9, 0.1])]
    faces = faces_of(*map(" ".join, zip(*draws, rng.choice([*"ABCDEFGHIJKLMNO", "blank"], 40), strict=True)))
    dropped = drop_reasons(list(find(faces).values()), len(faces))
    clean = faces.where(dropped.isna())
    assert clean.split("test").frame["id"].tolist() == faces.split("test").frame["id"].tolist()
    for finding in find(clean).values():
        assert set(clean.frame["split"].iloc[finding.rows]) <= {"test"}, finding.kind
    everything_else = faces.frame.loc[dropped == "exact_duplicate"]
    for name, split in zip(everything_else["id"], everything_else["split"], strict=True):
        assert ((clean.frame["id"] == name) & (clean.frame["split"] == split)).sum() == 1


def test_copies_are_as_many_as_comparing_all_pictures_pixel_by_pixel_finds():
    rng = np.random.default_rng(5)
    draws = [
        rng.choice(["train", "val", "test"], 60),
        rng.choice(["happy", "sad"], 60),
        rng.choice([*"ABCDEFGHIJKLMNOPQ"], 60),
    ]
    faces = faces_of(*map(" ".join, zip(*draws, strict=True)))
    splits, labels, _ = draws
    pictures = [decode_png(png) for png in faces.frame["png"]]
    same = np.array([[np.array_equal(one, other) for other in pictures] for one in pictures])
    alike = labels[:, None] == labels
    together = splits[:, None] == splits
    independent = {
        "split_leak": (same & ~together).any(1),
        "label_conflict": (same & ~alike).any(1),
        "exact_duplicate": (same & alike & together).sum(1) > 1,
    }
    found = find(faces)
    for kind, rows in independent.items():
        assert sorted(found[kind].rows) == np.flatnonzero(rows).tolist(), kind
