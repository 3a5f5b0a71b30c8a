"""The check of the exported model against that of the base: by pairs of predictions, else by the reports of both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emopipe.compare.check.checks import CheckResult
from emopipe.compare.check.models import reported_confusion
from emopipe.compare.check.snapshot_view import SnapshotView
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Decision, Outcome, Verdict, evaluate_losses, loss_params
from emopipe.compare.promotion_text import verdict_section
from emopipe.core.errors import DataError, EmopipeError
from emopipe.evaluate.comparison import Comparison, changes, compare
from emopipe.tracking.comparison_tables import Section, interval, sections, tone

OUTCOMES: dict[Decision, Outcome] = {"promote": "passed", "reject": "failed", "insufficient evidence": "open"}
OVERALL = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
"""Metrics with a 95 % interval in reports/evaluate/MODEL.json, and their names."""
RULED = {"macro_f1": "macro-F1"}
"""Those that the rule has a condition on: of a pair, a gain in macro-F1 may cost accuracy."""


@dataclass(frozen=True, kw_only=True)
class ExportedPair:
    """The exported models of a base and of the workspace."""

    before: SnapshotView
    now: SnapshotView
    old: str
    """The exported model of the base."""
    new: str

    @property
    def name(self) -> str:
        """Of the check."""
        return no_worse(self.before)

    @property
    def is_same(self) -> bool:
        """Whether both predict the same for the same faces, by DVC's hashes."""
        return self.old == self.new and same_digest(self.before, self.now, self.new)


def no_worse(before: SnapshotView) -> str:
    """The name of the check."""
    return f"no worse than {before.name}"


def same_digest(before: SnapshotView, now: SnapshotView, model: str) -> bool:
    """Whether dvc.lock has the same predictions of a model in both states."""
    return before.digest(model) == now.digest(model) != ""


def check_exported(pair: ExportedPair, rule: PromoteParams, seed: int) -> tuple[CheckResult, list[Section]]:
    """The result, and tables with its details."""
    if pair.is_same:
        return CheckResult(pair.name, "passed", f"{pair.new} gives the same predictions"), []
    try:
        old, new = pair.before.model(pair.old), pair.now.model(pair.new)
        return _by_pairs(pair, old, new, rule, seed)
    except DataError:
        return _by_reports(pair, "the test faces differ, so there is no paired comparison"), []
    except EmopipeError as error:
        details = reported_confusion(*_reports(pair)) if pair.old == pair.new else None
        return _by_reports(pair, f"no paired comparison: {error}"), [details] if details else []


def compare_models(a: ModelRef, b: ModelRef, rule: PromoteParams, seed: int) -> Comparison:
    """The paired comparison with the settings of the rule; raises `DataError` for other test faces."""
    return compare(a, b, confidence=rule.confidence, resamples=rule.resamples, seed=seed)


def disjoint_losses(old: Any, new: Any, metrics: Mapping[str, str] = OVERALL) -> list[str]:
    """Metrics on test that are lower in the second report, with disjoint 95 % intervals, with their values.

    metrics: names in the reports to names in the text.
    """
    before, now = old["test"], new["test"]
    return [
        f"{name} {before[metric]:.3f} -> {now[metric]:.3f}"
        for metric, name in metrics.items()
        if f"{metric}_ci" in before and f"{metric}_ci" in now and now[f"{metric}_ci"][1] < before[f"{metric}_ci"][0]
    ]


def _by_pairs(
    pair: ExportedPair, old: ModelRef, new: ModelRef, rule: PromoteParams, seed: int
) -> tuple[CheckResult, list[Section]]:
    comparison = compare_models(old, new, rule, seed)
    strict = loss_params(rule, len(comparison.classes))
    verdict = evaluate_losses(compare_models(old, new, strict, seed), strict)
    conditions = replace(
        verdict_section(verdict, strict.confidence),
        title=f"Conditions on {comparison.b}",
        note=f"Intervals of {strict.confidence:.1%} each, so that all hold together at {rule.confidence:.0%}.",
        header=("condition", "value", "interval", "limit", "outcome"),
    )
    outcome, text = OUTCOMES[verdict.decision], _finding(pair.new, comparison, verdict)
    if outcome != "failed" and (lost := disjoint_losses(*_reports(pair), RULED)):
        outcome, text = "failed", f"{text}. Disjoint 95% intervals: {', '.join(lost)}"
    details = sections(comparison, changes(old.params, new.params), changes(old.data, new.data))
    return CheckResult(pair.name, outcome, text), [conditions, *details]


def _by_reports(pair: ExportedPair, reason: str) -> CheckResult:
    """Intervals of independent samples: disjoint ones show a difference, overlapping ones decide nothing."""
    old, new = _reports(pair)
    states = ((pair.before, pair.old, old), (pair.now, pair.new, new))
    missing = [view.missing(f"evaluate/{model}") for view, model, report in states if "classes" not in report]
    if missing:
        return CheckResult(pair.name, "open", f"not measured: {'; '.join(missing)}")
    if old["classes"] != new["classes"]:
        return CheckResult(pair.name, "open", "not measured: the classes differ")
    if lost := disjoint_losses(old, new):
        return CheckResult(pair.name, "failed", f"disjoint 95% intervals: {', '.join(lost)}; {reason}")
    return CheckResult(pair.name, "open", f"undecided: the 95% intervals are not disjoint with a loss; {reason}")


def _reports(pair: ExportedPair) -> tuple[Any, Any]:
    """The evaluations of both; without one, what git has of it."""
    empty: Any = {"test": {}}
    old, new = pair.before.evaluated([pair.old]), pair.now.evaluated([pair.new])
    return old.get(pair.old, empty), new.get(pair.new, empty)


def _finding(model: str, comparison: Comparison, verdict: Verdict) -> str:
    gain = comparison.macro_f1
    parts = [f"macro-F1 of {model} {gain.delta:+.3f} ({interval(gain)}, {tone(gain)})"]
    for outcome, text in (("failed", "Too much"), ("open", "May be noise")):
        names = [check.name for check in verdict.checks if check.outcome == outcome]
        parts += [f"{text}: {'; '.join(names)}"] if names else []
    return ". ".join(parts)
