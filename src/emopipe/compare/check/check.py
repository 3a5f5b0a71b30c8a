"""`emopipe check`: may the pipeline as it is here take the place of the one at the base?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emopipe.compare.check.checks import gate_item, lock_item, parity_item
from emopipe.compare.check.models import paired_section, reported_confusion, reported_section
from emopipe.compare.check.report import Item, Report
from emopipe.compare.check.snapshot_view import SnapshotView, find_base, here
from emopipe.compare.check.stages import stage_changes, stage_section
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.params import PromoteParams
from emopipe.compare.promotion_rule import Decision, Outcome, Verdict, for_losses, losses
from emopipe.compare.promotion_text import verdict_section
from emopipe.core.errors import EmopipeError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, changes, compare
from emopipe.tracking.comparison_tables import Section, interval, sections, tone
from emopipe.tracking.explain import stale

OUTCOMES: Mapping[Decision, Outcome] = {"promote": "passed", "reject": "failed", "insufficient evidence": "open"}
"""What the verdict on losses says of the check."""


@dataclass(frozen=True)
class _Models:
    """What became of the models, with the tables to see at once, and the others."""

    item: Item
    short: Sequence[Section] = ()
    more: Sequence[Section] = ()


def check(root: Path, params: Params, base: str | None = None, title: str | None = None) -> Report:
    """Hold the workspace at `root` against a base, see `find_base`.

    Raises `WorkspaceError` where there is no such base, or dvc.lock or a report is not readable.
    """
    before, now = find_base(root, base), here(root)
    models = _models(before, now, params)
    items = (
        lock_item(stale(root)),
        gate_item(now.report("validate")),
        parity_item(now.report("export"), params.export),
        models.item,
    )
    ran = stage_section(stage_changes(before.stages(), now.stages()))
    title = title or f"emopipe check: {now.name} against {before.name}"
    return Report(title=title, items=items, short=(*models.short, ran), more=tuple(models.more))


def _models(before: SnapshotView, now: SnapshotView, params: Params) -> _Models:
    """Whether the exported model has lost anything, and how each model has changed."""
    name, exports = f"no worse than {before.name}", [side.report("export") for side in (before, now)]
    missing = [side.name for side, export in zip((before, now), exports, strict=True) if export is None]
    if missing:
        return _Models(Item(name, "open", f"no reports/export.json in {' and in '.join(missing)}"))
    exported = exports[0]["model"], exports[1]["model"]
    models = [*params.models, *params.ensembles]
    known, reports = before.evaluated(models), now.evaluated(models)
    both = [model for model in models if model in known and model in reports]
    if exported[0] == exported[1] and all(_is_same(before, now, model) for model in {*both, exported[1]}):
        note = "Every model gives the same answers: the predictions in dvc.lock are the same."
        table = reported_section(known, reports, before.name, note)
        return _Models(Item(name, "passed", f"{exported[1]} gives the same answers"), [table])
    try:
        return _paired(name, before, now, exported, both, params)
    except EmopipeError as error:  # predictions are not at hand, or of other faces
        note = "The differences have no interval, and may be noise."
        short = [reported_section(known, reports, before.name, note)] if both else []
        same = exported[0] == exported[1] and exported[1] in both
        confusion = reported_confusion(known[exported[1]], reports[exported[1]]) if same else None
        return _Models(Item(name, "open", f"cannot be told: {error}"), short, [confusion] if confusion else [])


def _is_same(before: SnapshotView, now: SnapshotView, model: str) -> bool:
    return before.digest(model) == now.digest(model) != ""


def _paired(
    name: str, before: SnapshotView, now: SnapshotView, exported: tuple[str, str], both: Sequence[str], params: Params
) -> _Models:
    """Face by face; raises `EmopipeError` where that cannot be."""
    pairs = [*((model, model) for model in both), exported]
    of_a = {model: before.candidate(model) for model in dict.fromkeys(pair[0] for pair in pairs)}
    of_b = {model: now.candidate(model) for model in dict.fromkeys(pair[1] for pair in pairs)}
    rule = params.promote
    compared = {(a, b): _compare(of_a[a], of_b[b], rule, params.base.seed) for a, b in dict.fromkeys(pairs)}
    figures, first, second = compared[exported], of_a[exported[0]], of_b[exported[1]]
    strict = for_losses(rule, len(figures.classes))
    verdict = losses(_compare(first, second, strict, params.base.seed), strict)
    judged = replace(
        verdict_section(verdict, strict.confidence),
        title=f"What {figures.b} may not lose",
        note=f"Intervals of {strict.confidence:.1%} each, so that all of them hold with {rule.confidence:.0%}.",
        header=("condition", "found", "interval", "limit", "outcome"),
    )
    more = sections(figures, changes(first.params, second.params), changes(first.data, second.data))
    short = [paired_section([compared[model, model] for model in both], both, before.name)] if both else []
    item = Item(name, OUTCOMES[verdict.decision], _found(exported[1], figures, verdict))
    return _Models(item, short, [judged, *more])


def _compare(a: ModelRef, b: ModelRef, rule: PromoteParams, seed: int) -> Comparison:
    return compare(a.measured, b.measured, confidence=rule.confidence, resamples=rule.resamples, seed=seed)


def _found(model: str, figures: Comparison, verdict: Verdict) -> str:
    gain = figures.macro_f1
    parts = [f"macro-F1 of {model} {gain.delta:+.3f} ({interval(gain)}, {tone(gain)})"]
    for outcome, text in (("failed", "Too much"), ("open", "May be noise")):
        names = [check.name for check in verdict.checks if check.outcome == outcome]
        parts += [f"{text}: {'; '.join(names)}"] if names else []
    return ". ".join(parts)
