"""A verdict as a table, and as the record that is kept with the version."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Check, Verdict
from emopipe.evaluate.comparison import Comparison
from emopipe.tracking.comparison_tables import Cell, Section, Tone

TONES: Mapping[str, Tone] = {"passed": "better", "failed": "worse", "open": "plain"}
MOST = 1_000_000
"""Above this, a number of faces says only that the two are too close to tell apart."""


def verdict_section(verdict: Verdict, confidence: float) -> Section:
    """Each condition of the rule, with what was found."""
    return Section(
        key="verdict",
        title=f"Verdict: {verdict_line(verdict)}",
        note="",
        header=("condition", "found", f"{confidence:.0%} interval", "limit", "outcome"),
        rows=tuple(_row(check) for check in verdict.checks),
    )


def verdict_line(verdict: Verdict) -> str:
    """The decision, and how many test faces would settle one that is open."""
    if verdict.decision != "insufficient evidence":
        return verdict.decision
    needed = verdict.faces_needed
    if needed is None or needed > MOST:
        return f"{verdict.decision}: the two are too close for any test split to tell apart"
    return f"{verdict.decision}: about {needed:,} test faces would be needed"


def outcome_line(version: str, champion: str | None, *, moved: bool, verdict: Verdict | None) -> str:
    """What became of the champion."""
    if version == champion:
        return f"version {version} is the champion already"
    if moved:
        return f"version {version} is the champion now, in place of {f'version {champion}' if champion else 'none'}"
    assert verdict is not None, "without a verdict it is moved, or the champion already"
    return f"version {champion} stays the champion ({verdict_line(verdict)})"


def verdict_record(verdict: Verdict, figures: Comparison, params: PromoteParams) -> dict[str, Any]:
    """Decision, conditions, figures and rule as plain JSON values."""
    differences = {"accuracy": figures.accuracy, "macro_f1": figures.macro_f1, "ece": figures.ece}
    return {
        "decision": verdict.decision,
        "faces_needed": verdict.faces_needed,
        "checks": [asdict(check) for check in verdict.checks],
        "num_faces": figures.num_faces,
        "figures": {name: asdict(figure) for name, figure in differences.items()},
        "f1": {name: asdict(figure) for name, figure in zip(figures.classes, figures.f1, strict=True)},
        "mcnemar": asdict(figures.mcnemar),
        "rule": asdict(params),
    }


def _row(check: Check) -> tuple[Cell, ...]:
    low_high = "" if check.interval is None else f"{check.interval[0]:+.3f} to {check.interval[1]:+.3f}"
    sign = "" if check.interval is None else "+"
    return (
        Cell(check.name),
        Cell(f"{check.value:{sign}.3f}"),
        Cell(low_high),
        Cell(f"{check.bound} {check.limit:.3f}"),
        Cell(_outcome(check), TONES[check.outcome]),
    )


def _outcome(check: Check) -> str:
    if check.outcome != "open" or check.faces_needed is None or check.faces_needed > MOST:
        return check.outcome
    return f"open, about {check.faces_needed:,} faces needed"
