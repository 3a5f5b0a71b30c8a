"""How far something that was made again agrees with what it was."""

import numpy as np
import pandas as pd
import pytest

from emopipe.compare.agreement import Agreement, compare_predictions, first_difference
from emopipe.faces.predictions import Predictions

BEFORE = {"ingest": {"faces": "a"}, "train@cnn": {"model": "b"}, "evaluate@cnn": {"report": "c", "plots": "d"}}


def predictions(happy, *, split="test", ids=None) -> Predictions:
    """Of faces that are all happy, with this probability each."""
    happy = np.asarray(happy, np.float32)
    frame = {"id": ids or [f"{i}" for i in range(len(happy))], "split": split, "label": "happy"}
    return Predictions(pd.DataFrame(frame | {"happy": happy, "sad": 1 - happy}), ("happy", "sad"))


def test_the_first_stage_that_differs_is_named_with_its_outs():
    assert first_difference(BEFORE, BEFORE) == ("", ())
    other = BEFORE | {"train@cnn": {"model": "x"}, "evaluate@cnn": {"report": "c", "plots": "x"}}
    assert first_difference(BEFORE, other) == ("train@cnn", ("model",))
    assert first_difference(BEFORE, {"ingest": {"faces": "a"}, "train@cnn": {"model": "b"}}) == (
        "evaluate@cnn",
        ("report", "plots"),
    )


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ([0.9, 0.8, 0.30004], "within tolerance"),
        ([0.9, 0.8, 0.6], "statistically equal"),
        ([0.9, 0.8, 0.301], "statistically equal"),
    ],
)
def test_few_small_differences_are_judged_by_tolerance_and_by_test(after, verdict):
    assert compare_predictions(predictions([0.9, 0.8, 0.3]), predictions(after), 1e-4)[0] == verdict


def test_many_lost_faces_are_a_difference_and_the_reason_counts_them():
    verdict, reason = compare_predictions(predictions([0.9] * 10), predictions([0.9] * 2 + [0.4] * 8), 1e-4)
    assert verdict == "different"
    assert reason == (
        "probabilities differ by 0.5 at most, 8 of 10 faces get another class; "
        "on test 8 faces are lost and 0 won of 10 (McNemar: p = 0.008)"
    )


def test_only_the_faces_of_test_are_counted():
    before, after = predictions([0.9] * 10, split="val"), predictions([0.1] * 10, split="val")
    assert compare_predictions(before, after, 1e-4)[0] == "statistically equal"


def test_other_faces_are_a_difference():
    verdict, reason = compare_predictions(predictions([0.9]), predictions([0.9], ids=["x"]), 1e-4)
    assert (verdict, reason) == ("different", "the predictions are of other faces or classes")


def test_the_lines_say_verdict_place_and_reason():
    lines = Agreement(verdict="within tolerance", stage="export", paths=("exports",), reason="by little").lines()
    assert lines == ["verdict: within tolerance", "the first stage that differs is export: exports", "by little"]
    assert Agreement(verdict="bitwise equal").lines() == ["verdict: bitwise equal"]
