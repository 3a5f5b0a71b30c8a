"""`emopipe sync`: MLflow shows every state that git and DVC keep, exactly once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.expected_runs import ExpectedRun, plan
from emopipe.tracking.import_local_registry import adopt_local
from emopipe.tracking.index import RunIndex, in_progress, is_complete
from emopipe.tracking.naming import EVALUATION_TAG, KEY_TAG, MODEL_TAG, PARENT_TAG
from emopipe.tracking.rebuild import rebuild
from emopipe.tracking.registry_backup import note_registry
from emopipe.tracking.restore import (
    GONE_TAG,
    emptied,
    lost_versions,
    refill,
    register_snapshot,
    restore_versions,
    unregistered,
    whole_versions,
)
from emopipe.tracking.snapshots import Snapshot, history, snapshots
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import mlflow_faults

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(kw_only=True)
class Findings:
    """What `sync` did, or would do, and what it cannot put right."""

    num_runs: int = 0
    num_versions: int = 0
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be said."""
        return not self.problems

    def lines(self) -> list[str]:
        """For people."""
        total = f"{self.num_runs} runs and {self.num_versions} versions stand for the states that git and DVC keep"
        return [*self.done, *self.problems, total if self.is_whole else f"{len(self.problems)} to look at"]


def check(root: Path, revision: str | None = None, *, experiments: bool = False) -> Findings:
    """What MLflow lacks, and what it has that nothing stands for; changes nothing.

    Raises `WorkspaceError` where the store fails, as `sync` does.
    """
    with mlflow_faults("so nothing is checked"):
        return _check(RunIndex(*connect(root)), snapshots(root, revision, experiments=experiments))


def sync(root: Path, revision: str | None = None, *, experiments: bool = False, from_local: bool = False) -> Findings:
    """Rebuild what MLflow lacks; a second call has nothing to do.

    from_local: the registry of the store in use begins as that of the local store.
    """
    with mlflow_faults("so the sync is not complete"):
        index = RunIndex(*connect(root))
        if from_local:
            adopt_local(root, index.client)
        return _sync(index, snapshots(root, revision, experiments=experiments))


def _check(index: RunIndex, found: list[Snapshot]) -> Findings:
    root = found[-1].root
    wanted, runs = plan(found), index.models()
    findings = Findings()
    findings.problems += [f"{_name(one)} {lack}: `emopipe sync`" for one, lack in _gaps(index, wanted, runs)]
    findings.problems += [f"{run.info.run_name} was left as running: `emopipe sync`" for run in _left(index)]
    findings.problems += [
        f"version {number} is missing: `emopipe sync`" for number in lost_versions(root, index.client)
    ]
    findings.problems += [f"{one}: `emopipe sync`" for one in unregistered(found[-1], index.client)]
    empty = emptied(index.client)
    findings.problems += [f"version {one.version} has lost its files: `emopipe sync`" for one in empty]
    findings.problems += [*_orphans(root, wanted, runs), *_hollow(index)]
    return _counted(findings, index, wanted)


def _sync(index: RunIndex, found: list[Snapshot]) -> Findings:
    root, wanted, findings = found[-1].root, plan(found), Findings()
    for run in _left(index):
        index.client.set_terminated(run.info.run_id, "KILLED" if MODEL_TAG in run.data.tags else "FINISHED")
        findings.done.append(f"{run.info.run_name} was left as running by a process that is gone: ended")
    for one, lack in list(_gaps(index, wanted, index.models())):
        _try(findings, f"{_name(one)} {lack}", partial(rebuild, one))
    for version in emptied(index.client):
        _try(findings, f"version {version.version} has lost its files", partial(refill, root, index, version))
    lost = lost_versions(root, index.client)
    findings.problems += restore_versions(root, index)
    whole = whole_versions(index.client)
    findings.done += [f"version {number} was missing: registered again" for number in lost if number in whole]
    for lack in unregistered(found[-1], index.client):
        _try(findings, lack, partial(register_snapshot, found[-1]))
    note_registry(root, index.client)
    findings.problems += _hollow(index)
    return _counted(findings, index, wanted)


def _try(findings: Findings, lack: str, repair: Callable[[], None]) -> None:
    try:
        repair()
        findings.done.append(f"{lack}: rebuilt")
    except WorkspaceError as error:
        findings.problems.append(f"{lack}, and cannot be rebuilt: {error}")


def _gaps(index: RunIndex, wanted: dict[str, ExpectedRun], runs: "Iterable[Run]") -> Iterator[tuple[ExpectedRun, str]]:
    """The runs that are wanted and not as they should be, each with what it lacks."""
    complete: dict[str, list[Run]] = {}
    for run in runs:
        if is_complete(run) or in_progress(run):
            complete.setdefault(run.data.tags.get(KEY_TAG, ""), []).append(run)
    parents = {run.info.run_id for run in index.states()}
    for key, one in wanted.items():
        found = complete.get(key, [])
        lack = _lack(index, one, found[0], parents) if found else "has no run"
        if lack:
            yield one, lack


def _lack(index: RunIndex, one: ExpectedRun, run: "Run", parents: set[str]) -> str:
    if in_progress(run):
        return ""
    if run.data.tags.get(PARENT_TAG) not in parents:
        return "has lost the run of its state"
    if one.evaluated is not None:
        if run.data.tags.get(EVALUATION_TAG) != one.evaluated.state.key:
            return "lacks the figures of its evaluation"
        if not index.client.list_artifacts(run.info.run_id, "figures"):
            return "has lost its pictures"
    return ""


def _left(index: RunIndex) -> "list[Run]":
    """Runs that no living process logs, and that did not end; parents whose models all did."""
    models = [run for run in index.models() if run.info.status == "RUNNING"]
    busy = {run.data.tags.get(PARENT_TAG) for run in models if in_progress(run)}
    parents = [run for run in index.states() if run.info.status == "RUNNING" and run.info.run_id not in busy]
    return [run for run in models if not in_progress(run)] + parents


def _orphans(root: Path, wanted: dict[str, ExpectedRun], runs: "Iterable[Run]") -> Iterator[str]:
    """Complete runs of states that no commit, no experiment and not the workspace has; and second runs of one state."""
    left: dict[str, list[Run]] = {}
    for run in runs:
        if is_complete(run):
            left.setdefault(run.data.tags.get(KEY_TAG, ""), []).append(run)
    for found in left.values():
        yield from (f"{run.info.run_name} stands twice: delete the run {run.info.run_id}" for run in found[1:])
    unknown = left.keys() - wanted.keys()
    for snapshot in (Snapshot(root), *_newest_first(root, bool(unknown))):
        unknown -= plan([snapshot]).keys()
        if not unknown:
            return
    for key in sorted(unknown):
        name = left[key][0].info.run_name
        yield f"{name} is of a state that was never committed: its run {left[key][0].info.run_id} cannot be rebuilt"


def _newest_first(root: Path, is_needed: bool) -> Iterator[Snapshot]:
    if is_needed:
        yield from history(root)


def _hollow(index: RunIndex) -> Iterator[str]:
    """Versions without files."""
    for version in index.client.search_model_versions(f"name = '{NAME}'"):
        if GONE_TAG in version.tags:
            yield f"version {version.version} has no files: {version.tags[GONE_TAG]}"


def _counted(findings: Findings, index: RunIndex, wanted: dict[str, ExpectedRun]) -> Findings:
    findings.num_runs = len(wanted)
    findings.num_versions = len(index.client.search_model_versions(f"name = '{NAME}'"))
    return findings


def _name(one: ExpectedRun) -> str:
    where = one.snapshot.experiment or one.snapshot.commit[:7] or "the workspace"
    return f"{one.model} of {where}"
