"""`emopipe sync`: MLflow shows every state that git and DVC keep, exactly once."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import EmopipeError, WorkspaceError
from emopipe.tracking.commits import commit_repairs, settle
from emopipe.tracking.expected_runs import ExpectedRun, expected_runs
from emopipe.tracking.git_restore import git_repairs
from emopipe.tracking.index import RunIndex, in_progress, is_complete
from emopipe.tracking.naming import EVALUATION_TAG, KEY_TAG, MODEL_TAG, PARENT_TAG
from emopipe.tracking.rebuild import rebuild
from emopipe.tracking.registration import has_unregistered_export, register_export
from emopipe.tracking.registry_backup import save_registry
from emopipe.tracking.restore import (
    Remark,
    Repair,
    bundle_name,
    missing_bundles,
    restore_bundle,
    restore_files,
    tag_repairs,
    versions_without_files,
)
from emopipe.tracking.snapshots import Snapshot, history, snapshots
from emopipe.tracking.store import connect, local_uri, tracking_uri
from emopipe.tracking.versions import all_versions, mlflow_faults

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(kw_only=True)
class SyncReport:
    """What `sync` did, and the problems that are left."""

    num_runs: int
    num_versions: int
    done: list[str]
    problems: list[str]
    notes: list[str] = field(default_factory=list)
    """Runs that MLflow has and git and DVC do not."""

    def lines(self) -> list[str]:
        """For the terminal."""
        total = f"MLflow is complete: {self.num_runs} runs, {self.num_versions} versions"
        return [*self.done, *self.notes, *self.problems, f"problems: {len(self.problems)}" if self.problems else total]


def sync(root: Path, revision: str | None = None, *, experiments: bool = False, check_only: bool = False) -> SyncReport:
    """Add what MLflow lacks of the workspace or a revision; a second call has nothing to do.

    experiments: also of all DVC experiments. check_only: change nothing, and report what is lacking and what is there
    twice as problems, and runs of states that were not committed, or removed, as notes. Raises `WorkspaceError` if the
    store fails.
    """
    done: list[str] = []
    problems: list[str] = []
    notes: list[str] = []
    with mlflow_faults("so nothing is checked" if check_only else "so the sync is not complete"):
        index = RunIndex(*connect(root), answers={} if check_only else None)
        states = snapshots(root, revision, experiments=experiments)
        expected = expected_runs(states)
        for gap, repair in _repairs(root, index, states, expected):
            if check_only:
                problems.append(f"{gap}: `emopipe sync`")
                continue
            try:
                remark = repair()
                done.append(f"{gap}: repaired{f', {remark}' if isinstance(remark, Remark) else ''}")
            except EmopipeError as error:
                problems.append(f"{gap}, which cannot be repaired: {error}")
        if check_only:
            complete = [run for run in index.models() if is_complete(run)]
            problems += _second_runs(complete)
            notes += _unknown_runs(root, expected, complete)
        else:
            save_registry(root, index.client)
        num_versions = len(all_versions(index.client))
    return SyncReport(num_runs=len(expected), num_versions=num_versions, done=done, problems=problems, notes=notes)


def tag_commits(root: Path) -> list[str]:
    """Only tag runs and versions with the commit that holds their state; a line for each commit.

    Raises `WorkspaceError` if the store fails. A store that does not exist is not made.
    """
    if tracking_uri(root) == local_uri(root) and not (root / "mlflow.db").exists():
        return ["there is no store"]
    with mlflow_faults("so the tags are not complete"):
        lines = settle(root, RunIndex(*connect(root)))
    return [f"{line}: repaired" for line in lines] or ["no run or version lacks its commit"]


def _repairs(root: Path, index: RunIndex, states: list[Snapshot], expected: dict[str, ExpectedRun]) -> Iterator[Repair]:
    """All that is to be repaired, in order."""
    for run in _left_running(index):
        status = "KILLED" if MODEL_TAG in run.data.tags else "FINISHED"
        yield (
            f"{run.info.run_name} is left as running by a process that has ended",
            partial(index.client.set_terminated, run.info.run_id, status),
        )
    for one, gap in list(_gaps(index, expected)):
        where = one.snapshot.experiment or one.snapshot.commit[:7] or "the workspace"
        yield f"{one.model} of {where} {gap}", partial(rebuild, one)
    for version in versions_without_files(index.client):
        yield f"version {version.version} has lost its files", partial(restore_files, root, index.client, version)
    for digest, bundle in missing_bundles(root, index.client).items():
        name = f"{bundle_name(digest, bundle)} is not registered"
        yield name, partial(restore_bundle, root, index, digest, bundle)
    yield from git_repairs(root, index.client)
    if has_unregistered_export(states[-1], index.client):
        yield "the export of this state is not registered", partial(register_export, states[-1])
    yield from tag_repairs(root, index.client)
    yield from commit_repairs(root, index)


def _gaps(index: RunIndex, expected: dict[str, ExpectedRun]) -> Iterator[tuple[ExpectedRun, str]]:
    """Expected runs that are missing or incomplete, each with what is missing."""
    models = index.models()
    runs = {run.data.tags.get(KEY_TAG, ""): run for run in reversed(models) if is_complete(run)}
    parents = {run.info.run_id for run in index.parents()}
    active = {run.data.tags.get(KEY_TAG, "") for run in models if in_progress(run)}
    for key, one in expected.items():
        run = runs.get(key)
        if run is None:
            gap = "" if key in active else "has no run"
        elif run.data.tags.get(PARENT_TAG) not in parents:
            gap = "has lost the run of its state"
        elif one.evaluated and run.data.tags.get(EVALUATION_TAG) != one.evaluated.state.key:
            gap = "lacks the metrics of its evaluation"
        elif one.evaluated and not index.client.list_artifacts(run.info.run_id, "figures"):
            gap = "has lost its figures"
        else:
            gap = ""
        if gap:
            yield one, gap


def _left_running(index: RunIndex) -> "list[Run]":
    """Runs that are RUNNING while no living process logs to them; parents without such a model."""
    models = [run for run in index.models() if run.info.status == "RUNNING"]
    busy = {run.data.tags.get(PARENT_TAG) for run in models if in_progress(run)}
    parents = [run for run in index.parents() if run.info.status == "RUNNING" and run.info.run_id not in busy]
    return [run for run in models if not in_progress(run)] + parents


def _second_runs(runs: "Iterable[Run]") -> Iterator[str]:
    """Runs of a state that an earlier run has."""
    keys: set[str] = set()
    for run in runs:
        key = run.data.tags.get(KEY_TAG, "")
        if key in keys:
            yield f"{run.info.run_name} has a second run: delete {run.info.run_id}"
        keys.add(key)


def _unknown_runs(root: Path, expected: dict[str, ExpectedRun], runs: "Iterable[Run]") -> Iterator[str]:
    """Runs of states that no commit, no experiment and not the workspace has."""
    unknown = {run.data.tags.get(KEY_TAG, ""): run for run in runs}
    for snapshot in chain([Snapshot(root)], history(root)):
        unknown = {key: run for key, run in unknown.items() if key not in expected}
        if not unknown:
            return
        expected = {}
        with suppress(WorkspaceError):  # a commit may hold a pipeline that DVC does not accept
            expected = expected_runs([snapshot])
    for key in sorted(unknown.keys() - expected.keys()):
        run = unknown[key]
        yield f"{run.info.run_name} has a state that is in no commit: its run {run.info.run_id} cannot be rebuilt"
