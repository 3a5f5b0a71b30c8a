"""The rule of promotion: each verdict, from figures made up for it."""

from dataclasses import replace

import pytest

from emopipe.compare.promotion_rule import class_checks, decide, evaluate_rule, gain_check
from emopipe.compare.promotion_text import outcome_line, verdict_line, verdict_record, verdict_section
from emopipe.core.params import load_params
from emopipe.evaluate.comparison import compare
from emopipe.evaluate.paired import Difference
from emopipe.tracking.comparison_tables import markdown
from predicted import evaluated, predict
from projects import ROOT

PARAMS = replace(load_params(ROOT / "params.yaml").promote, min_gain=0.0, max_class_loss=0.05, max_nll_rise=0.05)
TRUTH = "hhhhhhssssff"


def figure(delta: float, low: float, high: float, error: float = 0.01) -> Difference:
    return Difference(a=0.5, b=0.5 + delta, low=low, high=high, error=error)


def judged(a: str, b: str, *, times=1, sure=(0.58, 0.92), latency_ms=1.0, parity_passed=True, better=True, **rule):
    """The challenger says `b` where the champion says `a`."""
    models = [
        evaluated(name, predict(TRUTH, said, times=times, sure=confidence))
        for name, said, confidence in zip(("old", "new"), (a, b), sure, strict=True)
    ]
    figures = compare(*models, confidence=PARAMS.confidence, resamples=500, seed=0)
    evidence = {"latency_ms": latency_ms, "parity_passed": parity_passed, "better_than_chance": better}
    return evaluate_rule(figures, replace(PARAMS, **rule), **evidence), figures


def outcomes(verdict) -> dict[str, str]:
    return {check.name: check.outcome for check in verdict.checks}


# Conditions


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(0.001, 0.04, "passed"), (-0.01, 0.03, "open"), (-0.03, -0.001, "failed")]
)
def test_the_whole_interval_of_the_gain_must_lie_above_zero(low, high, outcome):
    assert gain_check(figure((low + high) / 2, low, high), 1000, PARAMS).outcome == outcome


def test_a_gain_can_be_asked_to_be_more_than_a_trifle():
    gain = figure(0.02, 0.005, 0.035)
    assert gain_check(gain, 1000, PARAMS).outcome == "passed"
    check = gain_check(gain, 1000, replace(PARAMS, min_gain=0.01))
    assert check.outcome == "open"
    assert check.faces_needed == pytest.approx(1000 * ((2.1701 + 0.8416) * 0.01 / 0.01) ** 2, abs=2)


@pytest.mark.parametrize(
    ("difference", "outcome"),
    [
        (figure(-0.04, -0.06, -0.02), "passed"),  # a loss for sure, and within the limit
        (figure(-0.08, -0.20, 0.04), "open"),
        (figure(-0.08, -0.12, -0.04), "failed"),
        (figure(0.20, 0.10, 0.30), "passed"),
    ],
)
def test_a_class_may_not_lose_more_than_the_limit(difference, outcome):
    (check,) = class_checks({"happy": difference}, 1000, PARAMS)
    assert (check.name, check.outcome) == ("change in F1 of happy", outcome)
    assert (check.faces_needed is not None) == (outcome == "open")


def test_a_change_keeps_its_sign():
    (check,) = class_checks({"happy": figure(-0.08, -0.12, -0.04)}, 1000, PARAMS)
    assert (check.value, check.interval) == (pytest.approx(-0.08), (-0.12, -0.04))
    assert (check.bound, check.limit) == ("at least", -0.05)


def test_a_good_challenger_of_a_constant_champion_is_promoted():
    """A constant prediction has no calibration error; its log-likelihood shows what it is worth."""
    verdict, figures = judged("h" * 12, "hhhhhhsssshf", times=30, sure=(0.5, 0.92))
    assert figures.ece.a < 0.001 < figures.ece.b
    assert verdict.decision == "promote"


# Verdicts


def test_a_better_challenger_is_promoted():
    verdict, _ = judged("hhhhsfsshhfs", "hhhhhhsssshf", times=30)
    assert verdict.decision == "promote"
    assert set(outcomes(verdict).values()) == {"passed"}
    assert verdict.faces_needed is None


def test_a_worse_challenger_is_rejected():
    verdict, _ = judged("hhhhhhsssshf", "hhhhsfsshhfs", times=30)
    assert verdict.decision == "reject"
    assert outcomes(verdict)["gain in macro-F1"] == "failed"


def test_a_gain_that_may_be_chance_is_insufficient_evidence_and_says_how_many_faces_it_would_take():
    verdict, _ = judged("hhhhsfsshhfs", "hhhhhfsssshf")
    assert verdict.decision == "insufficient evidence"
    assert verdict.faces_needed > 12
    assert verdict_line(verdict) == f"insufficient evidence: about {verdict.faces_needed:,} test faces would be needed"


def test_a_challenger_that_answers_as_the_champion_does_gains_nothing():
    verdict, _ = judged("hhhhsfsshhfs", "hhhhsfsshhfs", sure=(0.58, 0.58))
    assert (verdict.decision, verdict.faces_needed) == ("reject", None)


def test_a_gain_that_costs_a_class_is_rejected():
    verdict, _ = judged("hhhhhsssffff", "hhhhhhssssss", times=30)
    found = outcomes(verdict)
    assert (verdict.decision, found["change in F1 of fear"], found["change in F1 of happy"]) == (
        "reject",
        "failed",
        "passed",
    )


def test_a_better_challenger_that_is_far_too_unsure_is_rejected():
    verdict, _ = judged("hhhhsfsshhfs", "hhhhhhsssshf", times=30, sure=(0.58, 0.34))
    assert [name for name, outcome in outcomes(verdict).items() if outcome == "failed"] == ["change in NLL"]
    assert verdict.decision == "reject"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"latency_ms": 51.0}, "latency in ms"),
        ({"parity_passed": False}, "parity of the export"),
        ({"better": False}, "better than chance"),
    ],
)
def test_a_better_challenger_that_is_slow_or_exported_wrongly_is_rejected(change, name):
    verdict, _ = judged("hhhhsfsshhfs", "hhhhhhsssshf", times=30, **change)
    assert verdict.decision == "reject"
    assert [check for check, outcome in outcomes(verdict).items() if outcome == "failed"] == [name]


def test_what_fails_goes_before_what_is_open():
    gain, failed = gain_check(figure(0.01, -0.01, 0.03), 1000, PARAMS), gain_check(figure(-0.1, -0.2, -0.05), 9, PARAMS)
    assert decide([gain]).decision == "insufficient evidence"
    assert decide([gain, failed]).decision == "reject"


# Text


def test_the_verdict_is_a_table_of_its_conditions():
    verdict, _ = judged("hhhhsfsshhfs", "hhhhhhsssshf", times=30)
    text = markdown([verdict_section(verdict, PARAMS.confidence)])
    assert text.startswith("## Verdict: promote\n\n| condition | value | 97% interval | limit | outcome |")
    assert "| latency in ms | 1.000 |  | at most 50.000 | **passed** |" in text
    assert "| parity of the export | 1.000 |  | at least 1.000 | **passed** |" in text


def test_the_record_holds_the_figures_and_the_rule():
    verdict, figures = judged("hhhhsfsshhfs", "hhhhhhsssshf", times=30)
    record = verdict_record(verdict, figures, PARAMS)
    assert record["decision"] == "promote"
    assert record["rule"]["max_class_loss"] == 0.05
    assert record["figures"]["macro_f1"]["b"] == figures.macro_f1.b
    assert set(record["f1"]) == {"happy", "sad", "fear"}
    assert [check["outcome"] for check in record["checks"]] == ["passed"] * 8


@pytest.mark.parametrize(
    ("champion", "moved", "line"),
    [
        ("1", True, "version 2 is the champion now, in place of version 1"),
        (None, True, "version 2 is the champion now, in place of none"),
        ("2", False, "version 2 is the champion already"),
    ],
)
def test_the_outcome_is_one_line(champion, moved, line):
    assert outcome_line("2", champion, moved=moved, verdict=None) == line


def test_the_outcome_of_a_rejection_names_the_champion_that_stays():
    verdict, _ = judged("hhhhhhsssshf", "hhhhsfsshhfs", times=30)
    assert outcome_line("2", "1", moved=False, verdict=verdict) == "version 1 stays the champion (reject)"
