"""`emopipe check`: compare the pipeline in the workspace with a base."""

from collections.abc import Sequence
from pathlib import Path

from emopipe.compare.check.checks import CheckReport, CheckResult, check_data, check_lock, check_parity
from emopipe.compare.check.exported import ExportedPair, check_exported, compare_models, no_worse, same_digest
from emopipe.compare.check.models import paired_section, reported_section
from emopipe.compare.check.snapshot_view import SnapshotView, find_base, workspace
from emopipe.compare.check.stages import stage_changes, stage_section
from emopipe.core.errors import EmopipeError
from emopipe.core.params import Params
from emopipe.tracking.comparison_tables import Section
from emopipe.tracking.explain import outdated, reruns

STALE = "not measured, since dvc.lock is stale"
EXPORT = "reports/export.json"


def check(root: Path, params: Params, base: str | None = None, title: str | None = None) -> CheckReport:
    """Check the workspace at `root` against a base, see `find_base`.

    Raises `WorkspaceError` for an unknown base, or if dvc.lock or a report is not readable.
    """
    before, now = find_base(root, base), workspace(root)
    pending = reruns(root)
    old = outdated(pending)
    is_measured = "export" not in old  # which depends on every stage but register
    tables: list[Section] = []
    details: list[Section] = []
    models = CheckResult(no_worse(before), "open", STALE)
    if is_measured:
        models, details = _check_models(before, now, params)
        tables = model_tables(before, now, params)
    results = (
        check_lock(pending),
        check_data(now.report("validate"), _unmeasured(now, "validate", is_stale="validate" in old)),
        check_parity(now.report("export"), params.export, _unmeasured(now, "export", is_stale=not is_measured)),
        models,
    )
    changes = stage_changes(before.stages(), now.stages())
    return CheckReport(
        title=title or f"emopipe check: {now.name} against {before.name}",
        results=results,
        tables=(*tables, stage_section(changes)),
        details=tuple(details),
        num_rerun=sum(not change.is_removed for change in changes),
        on_open=params.promote.on_open,
    )


def model_tables(before: SnapshotView, now: SnapshotView, params: Params) -> list[Section]:
    """The models of both states in a table: by pairs of predictions where these exist, else by reports."""
    models = [model for model in (*params.models, *params.ensembles) if before.digest(model) and now.digest(model)]
    same = [model for model in models if same_digest(before, now, model)]
    compared, left_out = {}, []
    for model in models:
        if model not in same:
            try:
                pair = before.model(model), now.model(model)
                compared[model] = compare_models(*pair, params.promote, params.base.seed)
            except EmopipeError:  # predictions are missing, or of other faces
                left_out.append(model)
    if compared:
        return [paired_section(compared, before.name, _note(same, left_out))]
    old, new = before.evaluated(models), now.evaluated(models)
    if not any(model in new for model in old):
        return []
    unpaired = "The differences are not of pairs of predictions, and may be noise." if left_out else ""
    return [reported_section(old, new, before.name, f"{_note(same, [])} {unpaired}".strip())]


def _note(same: Sequence[str], left_out: Sequence[str]) -> str:
    parts = [f"The same predictions, by their hashes in dvc.lock: {', '.join(same)}."] if same else []
    parts += [f"Left out, as a paired comparison is not possible: {', '.join(left_out)}."] if left_out else []
    return " ".join(parts)


def _check_models(before: SnapshotView, now: SnapshotView, params: Params) -> tuple[CheckResult, list[Section]]:
    """Whether the exported model is worse than that of the base; no other model decides."""
    name, exports = no_worse(before), [view.report("export") for view in (before, now)]
    missing = [view.missing("export") for view, export in zip((before, now), exports, strict=True) if export is None]
    if not missing:
        pair = ExportedPair(before=before, now=now, old=exports[0]["model"], new=exports[1]["model"])
        return check_exported(pair, params.promote, params.base.seed)
    models = [*params.models, *params.ensembles]
    if before.hash(EXPORT) == now.hash(EXPORT) != "" and all(same_digest(before, now, model) for model in models):
        return CheckResult(name, "passed", "all models give the same predictions, by their hashes in dvc.lock"), []
    return CheckResult(name, "open", f"not measured: {'; '.join(missing)}"), []


def _unmeasured(now: SnapshotView, report: str, *, is_stale: bool) -> str:
    """Why a report of the workspace says nothing; empty if it does."""
    if is_stale:
        return STALE
    return "" if now.report(report) else f"not measured: {now.missing(report)}"
