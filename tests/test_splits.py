"""What a source's splits mean, and how a missing one is sampled."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emopipe.core.errors import DataError, ParamsError
from emopipe.ingest.params import IngestParams
from emopipe.ingest.splits import plan_splits, split_from_train
from face_tables import ingest_params

FER = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
TENTHS = {"val": 0.1, "test": 0.1}


def params(split_map=None, val_fraction=0.1, test_fraction=0.2) -> IngestParams:
    return ingest_params(
        split_map=FER if split_map is None else split_map, val_fraction=val_fraction, test_fraction=test_fraction
    )


def sampled(groups: list[str], labels: list[str], fractions=TENTHS, seed=0) -> list[str]:
    return split_from_train(
        pd.Series(groups, dtype="str"), pd.Series(labels, dtype="str"), fractions, seed=seed
    ).tolist()


rows = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["happy", "sad"])), min_size=1)


@pytest.mark.parametrize(
    ("names", "given_", "sampled_"),
    [
        ({"Training", "PublicTest", "PrivateTest"}, {"train", "val", "test"}, {}),
        ({"Training", "PublicTest"}, {"train", "val"}, {"test": 0.2}),
        ({"TRAIN", "Validation", "test"}, {"train", "val", "test"}, {}),
        ({"train", "valid", "val"}, {"train", "val"}, {"test": 0.2}),
        ({None}, {"train"}, {"val": 0.1, "test": 0.2}),
    ],
)
def test_splits_are_mapped_by_name_and_missing_ones_are_sampled(names, given_, sampled_):
    plan = plan_splits("f.csv", names, params())
    assert set(plan.given) == names
    assert set(plan.given.values()) == given_
    assert plan.sampled == sampled_


def test_a_row_without_a_split_has_no_place_where_others_have_one():
    assert plan_splits("f.csv", {"train", None}, params()).given == {"train": "train"}


def test_split_map_goes_before_the_usual_names():
    assert plan_splits("f.csv", {"Train", "test"}, params({"test": "val"})).given == {"Train": "train", "test": "val"}


def test_a_star_stands_for_every_other_name():
    plan = plan_splits("f", {"anna", "ben", "Testing"}, params({"*": "train", "testing": "test"}))
    assert plan.given == {"anna": "train", "ben": "train", "Testing": "test"}


def test_names_of_splits_are_compared_in_one_form():
    assert plan_splits("f", {"\u00c9preuve ", "train"}, params({"e\u0301preuve": "test"})).given == {
        "\u00c9preuve ": "test",
        "train": "train",
    }


@pytest.mark.parametrize(
    ("names", "params_", "message"),
    [
        (
            {"Training", "Holdout"},
            params(),
            "f.csv names the splits Holdout, which ingest.split_map in params.yaml does not know: "
            "add each there, as train, val or test",
        ),
        (
            {"test", "val"},
            params(),
            "f.csv has only the splits test, val, expected train: "
            "add rows, or map one of its names to train in ingest.split_map",
        ),
        (
            {"Training", "PublicTest"},
            params(test_fraction=0),
            "f.csv has no test, and ingest.test_fraction is 0: raise it, "
            "or map one of its names (PublicTest, Training) to test in ingest.split_map",
        ),
    ],
)
def test_unknown_or_missing_splits_are_an_error(names, params_, message):
    with pytest.raises(DataError) as caught:
        plan_splits("f.csv", names, params_)
    assert str(caught.value) == message


def test_fractions_that_leave_no_train_are_an_error_only_when_both_are_sampled():
    greedy = params(val_fraction=0.5, test_fraction=0.5)
    assert plan_splits("f.csv", {"train", "val"}, greedy).sampled == {"test": 0.5}
    with pytest.raises(ParamsError) as caught:
        plan_splits("f.csv", {None}, greedy)
    assert str(caught.value) == ("ingest.val_fraction and ingest.test_fraction leave nothing to train on: lower them")


def test_each_class_gives_its_share_to_each_split():
    splits = pd.Series(sampled([str(i) for i in range(1000)], ["happy"] * 800 + ["sad"] * 200))
    assert splits[:800].value_counts().to_dict() == {"train": 640, "val": 80, "test": 80}
    assert splits[800:].value_counts().to_dict() == {"train": 160, "val": 20, "test": 20}


def test_a_rare_class_still_has_a_group_in_each_split_and_one_that_is_too_rare_stays_in_train():
    assert sorted(sampled(["a", "b", "c"], ["sad"] * 3)) == ["test", "train", "val"]
    assert sampled(["a"], ["sad"]) == ["train"]


def test_another_seed_samples_other_rows():
    groups, labels = [str(i) for i in range(100)], ["happy"] * 100
    assert sampled(groups, labels, seed=0) == sampled(groups, labels, seed=0)
    assert sampled(groups, labels, seed=0) != sampled(groups, labels, seed=1)


@pytest.mark.slow
def test_rows_keep_their_index():
    groups = pd.Series(["a", "b", "c"], index=[7, 3, 5])
    assert split_from_train(groups, pd.Series("sad", index=groups.index), TENTHS, seed=0).index.tolist() == [7, 3, 5]


@pytest.mark.slow
@given(rows)
def test_rows_of_one_group_are_never_parted(rows):
    groups, labels = map(list, zip(*rows, strict=True))
    owners = set(zip(groups, sampled(groups, labels), strict=True))
    assert len(owners) == len(set(groups))


@pytest.mark.slow
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    first, second = (
        dict(zip(part[0], sampled(*map(list, part)), strict=True))
        for part in (list(zip(*rows, strict=True)), list(zip(*shuffled, strict=True)))
    )
    assert first == second


@pytest.mark.slow
@given(rows)
def test_no_split_takes_more_than_its_share_and_one_group(rows):
    groups, labels = map(list, zip(*rows, strict=True))
    table = pd.DataFrame({"group": groups, "split": sampled(groups, labels)})
    largest = table["group"].value_counts().max()
    for split in TENTHS:
        assert (table["split"] == split).sum() <= 0.1 * len(rows) + 2 * (largest + 1)  # two classes
