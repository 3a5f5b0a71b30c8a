"""Registering an exported model: by the stage `register`, and of a revision or an experiment."""

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json
from emopipe.core.params import Params, parse_params
from emopipe.core.state import project_root, stage_record
from emopipe.tracking.commits import settle
from emopipe.tracking.evidence import is_better_than_chance
from emopipe.tracking.expected_runs import expected_runs, registered_export
from emopipe.tracking.index import RunIndex
from emopipe.tracking.origin import Origin, workspace_origin
from emopipe.tracking.outs import restore
from emopipe.tracking.rebuild import project, rebuild, workspace_run
from emopipe.tracking.registry import add_version, bundle_digest, example_face, version_details
from emopipe.tracking.registry_backup import read_backup, save_registry
from emopipe.tracking.restore import files_of_origin, restore_champion
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.snapshots import Snapshot, snapshots
from emopipe.tracking.store import NAME, connect, store_lock
from emopipe.tracking.versions import (
    CHALLENGER,
    CHAMPION,
    DIGEST_TAG,
    EXPORTS_TAG,
    all_versions,
    find_champion,
    mlflow_faults,
    tag_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHOWN_TAGS = ("mlflow.source.git.commit", "emopipe.git.dirty", "dvc.experiment", "dvc.data")
"""Tags of the origin that a version has."""
EXPORT_REPORT = "reports/export.json"
EXPERIMENT = "DVC_EXP_NAME"
"""Environment variable that DVC sets for the stages of an experiment."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A version of the registered model."""

    version: str
    """Its number."""
    model: str = ""
    note: str = ""
    """What became of the aliases; empty for a bundle that was registered before."""

    def __str__(self) -> str:
        return f"{self.model} is version {self.version} of the registered model {NAME}{self.note and f': {self.note}'}"


def register(
    bundle: Path,
    run: ModelRun,
    example: bytes,
    tags: dict[str, str],
    description: str = "",
    *,
    origin: Origin | None = None,
    move_alias: bool = True,
) -> Registration:
    """Register the bundle.

    A bundle that is registered already gets no second version, only the tags that it lacks. A new version becomes
    `champion` if there is none, and otherwise `challenger`, unless it is worse on validation than the champion, or no
    better than chance; a DVC experiment moves no alias. example: one encoded image. Raises `WorkspaceError` if MLflow
    fails; no alias has moved then.
    """
    with mlflow_faults("so the model is not registered, and no alias has moved"), store_lock(run.root):
        client, run_id = run.connection()
        tags |= {DIGEST_TAG: bundle_digest(bundle)}
        from_origin = _origin_tags(origin) if origin else {}
        found = next((one for one in all_versions(client) if one.tags.get(DIGEST_TAG) == tags[DIGEST_TAG]), None)
        if found is None:
            number = add_version(client, run_id, bundle, example, tags | from_origin, description, origin)
            note = _move_alias(client, number, tags) if move_alias else ""
        else:  # the same bytes, perhaps from another commit: the version keeps its tags
            number, note = str(found.version), ""
            lacking = {name: value for name, value in tags.items() if name not in found.tags}
            tag_version(client, found, lacking | {k: v for k, v in from_origin.items() if k == EXPORTS_TAG})
        save_registry(run.root, client)
        settle(run.root, RunIndex(*connect(run.root)))  # the state may have been committed before
    return Registration(version=number, note=note)


def register_workspace(params: Params, *, bundle: Path, exported: Path) -> Registration:
    """Register the bundle of the workspace, and log the run of its training if MLflow lacks it.

    exported: the report of the stage `export`. Raises `WorkspaceError` if MLflow fails.
    """
    from emopipe.export.latency import latency_ms  # ONNX Runtime, which a check does not need

    report, example = read_json(exported), example_face()
    details = version_details(report, params.export, latency_ms(bundle, example))
    origin = workspace_origin(Path.cwd(), stage_record("export", Path.cwd()))
    expected, root = workspace_run(f"evaluate@{report['model']}", params), project_root()
    with mlflow_faults("so the model is not registered"):
        if RunIndex(*connect(root)).find(expected.trained.state.key) is None:
            project(expected, lambda path, _: Path(path), params=params, origin=origin)
    with ModelRun(root, expected.model, expected.trained.state, params).find() as run:
        restore_champion(run)
        return replace(register(bundle, run, example, *details, origin=origin), model=expected.model)


def register_revision(root: Path, revision: str | None) -> Registration:
    """Register the export of a git revision or DVC experiment, by default that of the workspace.

    Raises `WorkspaceError` if there is none, its files are in no cache and no remote, or MLflow fails.
    """
    snapshot = snapshots(root, revision, experiments=False)[-1]
    if registered_export(snapshot) is None:
        raise WorkspaceError(f"{revision or 'the workspace'} has no exported model: run `dvc repro` there")
    return register_export(snapshot)


def register_export(snapshot: Snapshot, *, move_alias: bool = True) -> Registration:
    """Register the export of this state, and log the run of its training if MLflow lacks it.

    move_alias: whether a new version becomes challenger or champion, as by the stage `register`.
    Raises `WorkspaceError` if files are missing, or MLflow fails.
    """
    from emopipe.export.latency import latency_ms

    export, root = snapshot.records["export"], snapshot.root
    with tempfile.TemporaryDirectory() as temporary, mlflow_faults("so the model is not registered"):
        folder = Path(temporary)
        origin, bundle = files_of_origin(root, snapshot.origin(export), folder)
        example = example_face()
        restore(root, EXPORT_REPORT, export.outs[EXPORT_REPORT], folder / EXPORT_REPORT, snapshot.commit)
        exported = read_json(folder / EXPORT_REPORT)
        limits = parse_params(snapshot.params(export)).export
        details = version_details(exported, limits, latency_ms(bundle, example))
        model = exported["model"]
        trained = snapshot.records[f"train@{model}"]
        if RunIndex(*connect(root)).find(trained.state.key) is None:
            rebuild(expected_runs([snapshot])[trained.state.key])
        with ModelRun(root, model, trained.state, snapshot.params(trained)).find() as run:
            restore_champion(run)
            done = register(bundle, run, example, *details, origin=origin, move_alias=move_alias)
            return replace(done, model=model)


def has_unregistered_export(snapshot: Snapshot, client: "MlflowClient") -> bool:
    """Whether neither registry nor registry.json have the export of a committed state.

    The workspace counts once it is committed: before, it may be an experiment that was applied.
    """
    export = registered_export(snapshot)
    if export is None or snapshot.experiment:
        return False
    if not snapshot.commit and Snapshot(snapshot.root, "HEAD").records.get("export") != export:
        return False
    known = [version.tags for version in all_versions(client)]
    known += [bundle.tags for bundle in read_backup(snapshot.root).bundles.values()]
    return export.outs["exports"] not in {tags.get(EXPORTS_TAG) for tags in known}


def _move_alias(client: "MlflowClient", number: str, tags: dict[str, str]) -> str:
    """Make a new version champion or challenger; a note on it."""
    if EXPERIMENT in os.environ:
        return "no alias moves in a DVC experiment"
    if not is_better_than_chance(tags):
        return "no champion and no challenger, as it is not better than chance on validation"
    champion = find_champion(client)
    if champion is None:
        client.set_registered_model_alias(NAME, CHAMPION, number)
        return "the champion, as there was none"
    for name, value in tags.items():
        best = champion.tags.get(name, "")
        if name.startswith("val/") and best and float(value) < float(best):
            return f"no challenger, as {name} is {value}, and {best} for the champion, version {champion.version}"
    client.set_registered_model_alias(NAME, CHALLENGER, number)
    return "the challenger"


def _origin_tags(origin: Origin) -> dict[str, str]:
    tags = {name: value for name, value in origin.tags().items() if name in SHOWN_TAGS}
    tags[EXPORTS_TAG] = origin.outs.get(origin.stage, {}).get("exports", "")
    return {name: value for name, value in tags.items() if value}
