"""The commit of a run or version: the first one whose dvc.lock holds its state, as the tag `dvc.commit`."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.dvc_lock import LOCK, read_lock
from emopipe.core.errors import WorkspaceError
from emopipe.core.state import StageRecord
from emopipe.tracking.git import git, git_bytes
from emopipe.tracking.index import RunIndex
from emopipe.tracking.naming import COMMIT_TAG, KEY_TAG, STATE_TAG
from emopipe.tracking.restore import Repair
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import EXPORTS_TAG, all_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion


def commit_repairs(root: Path, index: RunIndex) -> Iterator[Repair]:
    """Runs and versions without the tag whose state has been committed, by commit."""
    runs = [run for run in [*index.models(), *index.parents()] if COMMIT_TAG not in run.data.tags]
    versions = [version for version in all_versions(index.client) if COMMIT_TAG not in version.tags]
    states = {run.data.tags.get(KEY_TAG) or run.data.tags[STATE_TAG] for run in runs}
    exports = {version.tags[EXPORTS_TAG] for version in versions if EXPORTS_TAG in version.tags}
    commits = first_commits(root, states | exports)
    for commit in dict.fromkeys(commits.values()):
        settled = {value for value, first in commits.items() if first == commit}
        own = [run for run in runs if {run.data.tags.get(KEY_TAG), run.data.tags[STATE_TAG]} & settled]
        made = [version for version in versions if version.tags.get(EXPORTS_TAG) in settled]
        names = [run.info.run_name for run in own] + [f"version {version.version}" for version in made]
        gap = f"{', '.join(names)} without the tag of commit {commit[:7]}"
        yield gap, partial(_tag, index.client, commit, own, made)


def settle(root: Path, index: RunIndex) -> list[str]:
    """Set the tag wherever it lacks; what lacked it, a line for each commit."""
    lines = []
    for gap, repair in commit_repairs(root, index):
        repair()
        lines.append(gap)
    return lines


def first_commits(root: Path, wanted: Iterable[str]) -> dict[str, str]:
    """The first commit that holds each of these states; a state that no commit holds is left out.

    wanted: keys of trainings and ensembles, shared keys, or DVC's hashes of `exports`.
    """
    missing, found = set(wanted), {}
    for commit, lock in lock_history(root) if missing else ():
        if all(value.endswith(".dir") and value not in lock for value in missing):  # hashes stand there as they are
            continue
        for value in missing & _states(lock):
            found[value] = commit
        missing -= found.keys()
        if not missing:
            break
    return found


def lock_history(root: Path) -> Iterator[tuple[str, str]]:
    """Commits of branches and tags that changed dvc.lock, the oldest first, each with its dvc.lock."""
    where = ["--branches", "--tags", "--remotes", "HEAD"]  # not those of DVC's experiments
    order = ["--full-history", "--date-order", "--reverse", "--format=%H"]
    commits = git(root, "log", *where, *order, "--", LOCK).split()
    content = git_bytes(root, "cat-file", "--batch", stdin="".join(f"{commit}:{LOCK}\n" for commit in commits).encode())
    for commit in commits:
        header, _, content = content.partition(b"\n")
        if header.endswith(b" missing"):  # the commit removed it
            continue
        size = int(header.split()[-1])
        yield commit, content[:size].decode()
        content = content[size + 1 :]


def _states(lock: str) -> set[str]:
    """What `first_commits` finds in a dvc.lock; nothing in one that is not readable."""
    try:
        return {value for record in read_lock(lock).values() for value in _values(record)}
    except WorkspaceError:
        return set()


def _values(record: StageRecord) -> tuple[str, ...]:
    kind = record.state.stage.partition("@")[0]
    if kind in ("train", "ensemble"):
        return record.state.key, record.state.shared_key
    return (record.outs.get("exports", ""),) if kind == "export" else ()


def _tag(client: "MlflowClient", commit: str, runs: "list[Run]", versions: "list[ModelVersion]") -> None:
    for run in runs:
        client.set_tag(run.info.run_id, COMMIT_TAG, commit)
    for version in versions:
        client.set_model_version_tag(NAME, str(version.version), COMMIT_TAG, commit)
