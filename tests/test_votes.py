"""One label from the votes of several annotators."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emopipe.faces.classes import FER2013_CLASSES, label_lookup
from emopipe.ingest.sources.base import Reason
from emopipe.ingest.votes import OutOfClassVotes, Undecided, VoteReject, VoteRule, class_votes, resolve_label

CLASSES = ("happy", "sad", "neutral")
LOOKUP = label_lookup(CLASSES)
LABELS = ("happiness", "sadness", "neutral", "contempt", "NF")


def resolved(
    votes: dict[str, int], rule: VoteRule = "plurality", out_of_class_votes: OutOfClassVotes = "reject"
) -> str:
    """The label, or the reason to reject the row."""
    result = resolve_label("3", votes, LOOKUP, rule=rule, out_of_class_votes=out_of_class_votes)
    return result.reason if isinstance(result, VoteReject) else result


@pytest.mark.parametrize(
    ("votes", "plurality", "majority"),
    [
        ({"happiness": 10}, "happy", "happy"),
        ({"happiness": 6, "sadness": 4}, "happy", "happy"),
        ({"happiness": 5, "sadness": 3, "neutral": 2}, "happy", "no_majority"),
        ({"happiness": 5, "sadness": 5}, "no_majority", "no_majority"),
        ({"happiness": 3, "sadness": 3, "neutral": 4}, "neutral", "no_majority"),
        ({"happiness": 3, "Happy": 2, "sadness": 4}, "happy", "happy"),
        ({"happiness": 1}, "happy", "happy"),
        ({"happiness": 0, "sadness": 0}, "no_majority", "no_majority"),
        ({}, "no_majority", "no_majority"),
    ],
)
@pytest.mark.parametrize("out_of_class_votes", get_args(OutOfClassVotes))
def test_votes_for_classes_are_counted(votes, plurality, majority, out_of_class_votes):
    assert resolved(votes, "plurality", out_of_class_votes) == plurality
    assert resolved(votes, "majority", out_of_class_votes) == majority


@pytest.mark.parametrize(
    ("votes", "rule", "reject", "ignore"),
    [
        ({"happiness": 4, "contempt": 6}, "plurality", "voted_no_class", "happy"),
        ({"happiness": 4, "contempt": 6}, "majority", "voted_no_class", "happy"),
        ({"happiness": 5, "contempt": 5}, "plurality", "no_majority", "happy"),
        ({"happiness": 5, "contempt": 5}, "majority", "no_majority", "happy"),
        ({"happiness": 5, "NF": 3, "contempt": 2}, "plurality", "happy", "happy"),
        ({"happiness": 5, "NF": 3, "contempt": 2}, "majority", "no_majority", "happy"),
        ({"happiness": 4, "NF": 3, "contempt": 3}, "plurality", "happy", "happy"),
        ({"happiness": 2, "NF": 4, "contempt": 4}, "plurality", "voted_no_class", "happy"),
        ({"happiness": 2, "NF": 4, "contempt": 4}, "majority", "no_majority", "happy"),
        ({"happiness": 2, "sadness": 2, "contempt": 6}, "plurality", "voted_no_class", "no_majority"),
        ({"happiness": 0, "NF": 10}, "plurality", "voted_no_class", "voted_no_class"),
        ({"happiness": 0, "NF": 10}, "majority", "voted_no_class", "voted_no_class"),
    ],
)
def test_votes_for_no_class_count_or_are_ignored(votes, rule, reject, ignore):
    assert resolved(votes, rule, "reject") == reject
    assert resolved(votes, rule, "ignore") == ignore


@pytest.mark.parametrize("votes", [{"sadness": 10}, {"NF": 10}, {}])
def test_the_rule_given_ignores_the_votes(votes):
    assert resolved(votes, "given") == "3"


@pytest.mark.parametrize(
    ("votes", "rule", "detail"),
    [
        ({"happiness": 4, "sadness": 4, "NF": 2}, "plurality",
         "4 of 10 votes for happy and for sad, expected one with the most"),
        ({"happiness": 5, "NF": 5}, "majority", "5 of 10 votes for happy and for NF, expected more than half"),
        ({"happiness": 1, "unknown": 9}, "majority", "9 of 10 votes for unknown, expected a class"),
        ({}, "plurality", "no vote for a class"),
    ],
)  # fmt: skip
def test_a_reject_states_the_votes(votes, rule, detail):
    result = resolve_label("3", votes, LOOKUP, rule=rule, out_of_class_votes="reject")
    assert isinstance(result, VoteReject)
    assert result.detail == detail


def test_votes_per_class_stand_in_the_order_of_the_classes():
    votes = {"neutral": 3, "sadness": 4, "sad": 1, "contempt": 2, "NF": 1}
    assert class_votes(votes, LOOKUP, CLASSES) == [0, 5, 3]
    assert class_votes(votes, label_lookup(FER2013_CLASSES), FER2013_CLASSES) == [0, 0, 0, 0, 5, 0, 3]


@given(st.dictionaries(st.sampled_from(LABELS), st.integers(0, 10)), st.sampled_from(get_args(OutOfClassVotes)))
def test_a_majority_is_a_plurality_and_a_label_is_a_class(votes, out_of_class_votes):
    majority, plurality = (resolved(votes, rule, out_of_class_votes) for rule in ("majority", "plurality"))
    assert {majority, plurality} <= {*CLASSES, *get_args(Undecided)}
    assert majority in (plurality, "no_majority")


def test_the_reasons_are_those_of_rejects():
    assert set(get_args(Undecided)) <= set(get_args(Reason))
