"""The runs of one state of the pipeline, with their metrics, versions and commits."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.expected_runs import expected_runs
from emopipe.tracking.index import RunIndex, is_complete
from emopipe.tracking.naming import COMMIT_TAG, KEY_TAG
from emopipe.tracking.snapshots import snapshots
from emopipe.tracking.store import connect
from emopipe.tracking.versions import all_versions, get_aliases, mlflow_faults

if TYPE_CHECKING:
    from mlflow.entities import Run

METRICS = ("val/accuracy", "val/macro_f1", "test/accuracy", "test/macro_f1")


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """The run of one model."""

    model: str
    run_id: str
    """Empty if MLflow lacks it."""
    metrics: dict[str, float | None]
    """`METRICS`; None before an evaluation."""
    versions: dict[str, list[str]]
    """Numbers of the versions that were registered from it, with their aliases."""
    commit: str
    """The first commit that holds the state; empty before `git commit` and `emopipe sync`."""
    source_commit: str
    """The commit that it started from; empty if unknown."""


def list_runs(root: Path, revision: str | None = None) -> list[ListedRun]:
    """The runs of the models in the workspace, a git revision or a DVC experiment, in the order of dvc.lock.

    Raises `WorkspaceError` if there is no model, or MLflow fails.
    """
    expected = expected_runs(snapshots(root, revision, experiments=False))
    if not expected:
        raise WorkspaceError(f"{revision or 'the workspace'} has no trained model: run `dvc repro` there")
    with mlflow_faults("so the runs are unknown"):
        index = RunIndex(*connect(root))
        runs = {run.data.tags.get(KEY_TAG, ""): run for run in reversed(index.models()) if is_complete(run)}
        versions = _versions(index)
    return [_listed(one.model, runs.get(key), versions) for key, one in expected.items()]


def _listed(model: str, run: "Run | None", versions: dict[str, dict[str, list[str]]]) -> ListedRun:
    tags, metrics = (run.data.tags, run.data.metrics) if run else ({}, {})
    run_id = str(run.info.run_id) if run else ""
    return ListedRun(
        model=model,
        run_id=run_id,
        metrics={name: metrics.get(name) for name in METRICS},
        versions=versions.get(run_id, {}),
        commit=tags.get(COMMIT_TAG, ""),
        source_commit=tags.get("mlflow.source.git.commit", ""),
    )


def _versions(index: RunIndex) -> dict[str, dict[str, list[str]]]:
    """Versions with their aliases, by run."""
    found: dict[str, dict[str, list[str]]] = {}
    aliases = get_aliases(index.client)
    for version in all_versions(index.client):
        number = str(version.version)
        names = sorted(alias for alias, named in aliases.items() if named == number)
        found.setdefault(str(version.run_id), {})[number] = names
    return found
