"""The two states that a check holds against each other: the workspace, and a revision or another checkout."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from emopipe.compare.check.stages import Ran
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.revisions import from_revision, from_workspace
from emopipe.core.errors import WorkspaceError
from emopipe.tracking.dvc_lock import LOCK
from emopipe.tracking.git import git
from emopipe.tracking.snapshots import Snapshot, snapshots

MAIN = ("main", "origin/main")
HERE = "here"
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class SnapshotView:
    """A state of the project."""

    name: str
    snapshot: Snapshot
    revision: str = ""
    """Of git, or a DVC experiment; empty for a folder."""

    def stages(self) -> dict[str, Ran]:
        """What dvc.lock says of each stage."""
        entries = (yaml.safe_load(self.snapshot.text(LOCK)) or {}).get("stages", {})
        return {name: Ran(record, entries[name]["cmd"]) for name, record in self.snapshot.records.items()}

    def report(self, name: str) -> Any:
        """A report by its path below `reports/`; None where there is none."""
        path = f"reports/{name}.json"
        text = self.snapshot.text(path)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise WorkspaceError(f"{path} of {self.name} is not readable ({error}): run `dvc repro` there") from error

    def evaluated(self, models: Iterable[str]) -> dict[str, Any]:
        """The reports of those models that have one."""
        found = {model: self.report(f"evaluate/{model}") for model in models}
        return {model: report for model, report in found.items() if report is not None}

    def digest(self, model: str) -> str:
        """DVC's hash of what a model says of each face; empty where dvc.lock does not know the model."""
        records = self.snapshot.records
        for stage, folder in ((f"evaluate@{model}", "predictions"), (f"ensemble@{model}", "ensembles")):
            if stage in records:
                return records[stage].outs.get(f"build/{folder}/{model}.parquet", "")
        return ""

    def candidate(self, model: str) -> ModelRef:
        """A model with its predictions; raises `WorkspaceError` where they are not at hand."""
        if self.revision:
            found = from_revision(self.snapshot.root, self.revision, model)
        else:
            found = from_workspace(self.snapshot.root, model)
        return replace(found, measured=replace(found.measured, name=f"{self.name}:{model}"))


def here(root: Path) -> SnapshotView:
    """The workspace."""
    return SnapshotView(name=HERE, snapshot=Snapshot(root))


def find_base(root: Path, name: str | None) -> SnapshotView:
    """A git revision, a DVC experiment, or the folder of another checkout; by default where this branch left main.

    Raises `WorkspaceError` where there is no such thing.
    """
    if name is None:
        branch, commit = _where_it_left_main(root)
        return SnapshotView(name=f"{branch} ({commit[:7]})", snapshot=Snapshot(root, commit), revision=commit[:7])
    folder = Path(name)
    if (folder / "dvc.yaml").exists():
        return SnapshotView(name=folder.resolve().name, snapshot=Snapshot(folder.resolve()))
    found = snapshots(root, name, experiments=False)[-1]
    short = name[:7] if COMMIT.fullmatch(name) else name
    return SnapshotView(name=short, snapshot=found, revision=short)


def _where_it_left_main(root: Path) -> tuple[str, str]:
    for branch in MAIN:
        commit = git(root, "merge-base", "HEAD", branch)
        if commit:
            return branch, commit
    raise WorkspaceError(
        "there is no branch main to compare with: name a revision, an experiment or the folder of another checkout, "
        "`emopipe check --base ...`"
    )
