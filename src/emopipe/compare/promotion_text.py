"""A verdict as a table, in a line, and as the record kept with the version."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Check, Verdict
from emopipe.evaluate.comparison import Comparison
from emopipe.tracking.comparison_tables import Cell, Section, Tone

TONES: Mapping[str, Tone] = {"passed": "better", "failed": "worse", "open": "plain"}
MAX_FACES = 1_000_000
"""Above this number of faces the difference is too small to measure."""


def verdict_section(verdict: Verdict, confidence: float) -> Section:
    """Each condition of the rule, with its value and outcome."""
    return Section(
        key="verdict",
        title=f"Verdict: {verdict_line(verdict)}",
        header=("condition", "value", f"{confidence:.0%} interval", "limit", "outcome"),
        rows=tuple(_row(check) for check in verdict.checks),
    )


def verdict_line(verdict: Verdict) -> str:
    """The decision and, if the evidence is insufficient, the number of test faces that would settle it."""
    if verdict.decision != "insufficient evidence":
        return verdict.decision
    needed = verdict.faces_needed
    if needed is None or needed > MAX_FACES:
        return f"{verdict.decision}: the difference is too small for any test split"
    return f"{verdict.decision}: about {needed:,} test faces would be needed"


def outcome_line(version: str, champion: str | None, *, moved: bool, verdict: Verdict | None) -> str:
    """Which version is champion, and why."""
    if version == champion:
        return f"version {version} is the champion already"
    if moved:
        return f"version {version} is the champion now, in place of {f'version {champion}' if champion else 'none'}"
    assert verdict is not None, "only a verdict keeps a version from being champion"
    return f"version {champion} stays the champion ({verdict_line(verdict)})"


def verdict_record(verdict: Verdict, comparison: Comparison, params: PromoteParams) -> dict[str, Any]:
    """Decision, conditions, metrics and rule as plain JSON values."""
    metrics = {"accuracy": comparison.accuracy, "macro_f1": comparison.macro_f1, "nll": comparison.nll}
    return {
        "decision": verdict.decision,
        "faces_needed": verdict.faces_needed,
        "checks": [asdict(check) for check in verdict.checks],
        "num_faces": comparison.num_faces,
        "figures": {name: asdict(metric) for name, metric in metrics.items()},
        "f1": {name: asdict(metric) for name, metric in zip(comparison.classes, comparison.f1, strict=True)},
        "mcnemar": asdict(comparison.mcnemar),
        "rule": asdict(params),
    }


def _row(check: Check) -> tuple[Cell, ...]:
    interval = "" if check.interval is None else f"{check.interval[0]:+.3f} to {check.interval[1]:+.3f}"
    outcome: str = check.outcome
    if outcome == "open" and check.faces_needed is not None and check.faces_needed <= MAX_FACES:
        outcome = f"open, about {check.faces_needed:,} faces needed"
    return (
        Cell(check.name),
        Cell(f"{check.value:{'+' if interval else ''}.3f}"),
        Cell(interval),
        Cell(f"{check.bound} {check.limit:{'+' if interval else ''}.3f}"),
        Cell(outcome, TONES[check.outcome]),
    )
