"""States of the pipeline in git and DVC: the workspace, a revision, the experiments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from emopipe.core.dvc_lock import LOCK, defined_records, upstream
from emopipe.core.errors import WorkspaceError
from emopipe.core.stage_names import PARAMS
from emopipe.core.state import StageRecord, stage_state
from emopipe.tracking.git import git
from emopipe.tracking.origin import Origin, hashes, workspace_origin


@dataclass(frozen=True)
class Snapshot:
    """dvc.lock and params.yaml, in the workspace or in a commit."""

    root: Path
    commit: str = ""
    """Empty for the workspace."""
    experiment: str = ""
    """Name of the DVC experiment; empty for any other commit."""

    @cached_property
    def records(self) -> Mapping[str, StageRecord]:
        """The stages that have run and that dvc.yaml defines, by name."""
        return defined_records(self.text)

    def params(self, last: StageRecord) -> dict[str, Any]:
        """All parameters, with the values that the stages up to `last` ran with."""
        values = yaml.safe_load(self.text(PARAMS)) or {}
        for record in upstream(self.records, last):
            for name, value in record.state.params.items():
                if ":" not in name:  # of another file
                    *sections, key = name.split(".")
                    section = values
                    for part in sections:
                        section = section.setdefault(part, {})
                    section[key] = value
        return values

    def origin(self, last: StageRecord) -> Origin:
        """The origin of the outs of `last`; in a state of the past, the commit that brought it into dvc.lock."""
        if not self.commit and self._is_current(last):
            return workspace_origin(self.root, last)
        commit = git(self.root, "log", "-1", "--format=%H", self.commit or "HEAD", "--", LOCK)
        is_known = commit and Snapshot(self.root, commit).records.get(last.state.stage) == last
        return Origin(
            stage=last.state.stage,
            commit=commit if is_known else "",
            experiment=self.experiment,
            **hashes(upstream(self.records, last)),
        )

    def _is_current(self, last: StageRecord) -> bool:
        try:
            return stage_state(last.state.stage, self.root).key == last.state.key
        except WorkspaceError:
            return False

    def text(self, name: str) -> str:
        """A file by its path from the root; empty if it is missing."""
        if self.commit:
            return git(self.root, "show", f"{self.commit}:{name}")
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def snapshots(root: Path, revision: str | None, *, experiments: bool) -> list[Snapshot]:
    """All experiments if requested, then the workspace or one revision.

    Raises `WorkspaceError` if git does not know the revision.
    """
    found = list(_experiments(root)) if experiments else []
    if revision is None:
        return [*found, Snapshot(root)]
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") or next(
        (one.commit for one in _experiments(root) if one.experiment == revision), ""
    )
    if not commit:
        raise WorkspaceError(
            f"{revision} is no revision of git and no DVC experiment: `git log` and `dvc exp list -A` list them"
        )
    return [*found, Snapshot(root, commit)]


def history(root: Path) -> Iterator[Snapshot]:
    """Every commit of any branch, tag or experiment that changed dvc.lock, the newest first."""
    for commit in git(root, "log", "--all", "--glob=refs/exps", "--format=%H", "--", LOCK).split():
        yield Snapshot(root, commit)


def _experiments(root: Path) -> Iterator[Snapshot]:
    """What `dvc exp list -A` lists: refs/exps/AB/CDEF.../NAME, where ABCDEF... is the commit below."""
    refs = git(root, "for-each-ref", "--sort=creatordate", "--format=%(objectname) %(refname)", "refs/exps")
    for line in refs.splitlines():
        commit, ref = line.split(" ", 1)
        parts = ref.split("/")
        if len(parts) == 5 and len(parts[2]) == 2 and len(parts[3]) == 38:
            yield Snapshot(root, commit, parts[4])
