"""`emopipe check`: compare the pipeline in the workspace with a base."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emopipe.compare.check.checks import CheckReport, CheckResult, check_data, check_lock, check_parity
from emopipe.compare.check.models import paired_section, reported_confusion, reported_section
from emopipe.compare.check.snapshot_view import SnapshotView, find_base, workspace
from emopipe.compare.check.stages import stage_changes, stage_section
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Decision, Outcome, Verdict, evaluate_losses, loss_params
from emopipe.compare.promotion_text import verdict_section
from emopipe.core.errors import EmopipeError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, changes, compare
from emopipe.tracking.comparison_tables import Section, interval, sections, tone
from emopipe.tracking.explain import stale

OUTCOMES: Mapping[Decision, Outcome] = {"promote": "passed", "reject": "failed", "insufficient evidence": "open"}


ModelCheck = tuple[CheckResult, Sequence[Section], Sequence[Section]]
"""The check of the models, its tables and its details, as in `CheckReport`."""


def check(root: Path, params: Params, base: str | None = None, title: str | None = None) -> CheckReport:
    """Check the workspace at `root` against a base, see `find_base`.

    Raises `WorkspaceError` for an unknown base, or if dvc.lock or a report is not readable.
    """
    before, now = find_base(root, base), workspace(root)
    models, tables, details = _check_models(before, now, params)
    results = (
        check_lock(stale(root)),
        check_data(now.report("validate")),
        check_parity(now.report("export"), params.export),
        models,
    )
    stages = stage_section(stage_changes(before.stages(), now.stages()))
    title = title or f"emopipe check: {now.name} against {before.name}"
    return CheckReport(title=title, results=results, tables=(*tables, stages), details=tuple(details))


def _check_models(before: SnapshotView, now: SnapshotView, params: Params) -> ModelCheck:
    """Whether the exported model is worse, and how each model has changed."""
    name, exports = f"no worse than {before.name}", [view.report("export") for view in (before, now)]
    missing = [view.name for view, export in zip((before, now), exports, strict=True) if export is None]
    if missing:
        return CheckResult(name, "open", f"no reports/export.json in {' and in '.join(missing)}"), [], []
    exported = exports[0]["model"], exports[1]["model"]
    models = [*params.models, *params.ensembles]
    old, new = before.evaluated(models), now.evaluated(models)
    both = [model for model in models if model in old and model in new]
    if exported[0] == exported[1] and all(_same_digest(before, now, model) for model in {*both, exported[1]}):
        note = "All models give the same predictions: their hashes in dvc.lock are equal."
        table = reported_section(old, new, before.name, note)
        return CheckResult(name, "passed", f"{exported[1]} gives the same predictions"), [table], []
    try:
        return _paired(name, before, now, exported, both, params)
    except EmopipeError as error:  # predictions are missing, or of other faces
        note = "The differences have no interval, and may be noise."
        tables = [reported_section(old, new, before.name, note)] if both else []
        same = exported[0] == exported[1] and exported[1] in both
        confusion = reported_confusion(old[exported[1]], new[exported[1]]) if same else None
        result = CheckResult(name, "open", f"no paired comparison: {error}")
        return result, tables, [confusion] if confusion else []


def _same_digest(before: SnapshotView, now: SnapshotView, model: str) -> bool:
    return before.digest(model) == now.digest(model) != ""


def _paired(
    name: str, before: SnapshotView, now: SnapshotView, exported: tuple[str, str], both: Sequence[str], params: Params
) -> ModelCheck:
    """The paired comparison; raises `EmopipeError` for missing predictions, or other test faces."""
    pairs = dict.fromkeys([*((model, model) for model in both), exported])
    old = {model: before.model(model) for model in dict.fromkeys(a for a, _ in pairs)}
    new = {model: now.model(model) for model in dict.fromkeys(b for _, b in pairs)}
    rule, seed = params.promote, params.base.seed
    compared = {(a, b): _compare(old[a], new[b], rule, seed) for a, b in pairs}
    comparison, first, second = compared[exported], old[exported[0]], new[exported[1]]
    strict = loss_params(rule, len(comparison.classes))
    verdict = evaluate_losses(_compare(first, second, strict, seed), strict)
    conditions = replace(
        verdict_section(verdict, strict.confidence),
        title=f"Conditions on {comparison.b}",
        note=f"Intervals of {strict.confidence:.1%} each, so that all hold together at {rule.confidence:.0%}.",
        header=("condition", "value", "interval", "limit", "outcome"),
    )
    details = sections(comparison, changes(first.params, second.params), changes(first.data, second.data))
    tables = [paired_section([compared[model, model] for model in both], both, before.name)] if both else []
    result = CheckResult(name, OUTCOMES[verdict.decision], _finding(exported[1], comparison, verdict))
    return result, tables, [conditions, *details]


def _compare(a: ModelRef, b: ModelRef, rule: PromoteParams, seed: int) -> Comparison:
    return compare(a, b, confidence=rule.confidence, resamples=rule.resamples, seed=seed)


def _finding(model: str, comparison: Comparison, verdict: Verdict) -> str:
    gain = comparison.macro_f1
    parts = [f"macro-F1 of {model} {gain.delta:+.3f} ({interval(gain)}, {tone(gain)})"]
    for outcome, text in (("failed", "Too much"), ("open", "May be noise")):
        names = [check.name for check in verdict.checks if check.outcome == outcome]
        parts += [f"{text}: {'; '.join(names)}"] if names else []
    return ". ".join(parts)
