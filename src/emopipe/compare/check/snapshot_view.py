"""The two states that a check compares: the workspace, and a revision or another checkout."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from emopipe.compare.check.stages import RecordedStage
from emopipe.compare.model_ref import ModelRef, from_revision, from_workspace
from emopipe.core.dvc_lock import LOCK
from emopipe.core.errors import WorkspaceError
from emopipe.tracking.git import git
from emopipe.tracking.snapshots import Snapshot, snapshots

MAIN = ("main", "origin/main")
HERE = "here"
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class SnapshotView:
    """A state of the project: stages, reports and models."""

    name: str
    snapshot: Snapshot
    revision: str = ""
    """Of git, or a DVC experiment; empty for a folder."""

    def stages(self) -> dict[str, RecordedStage]:
        """The stages in dvc.lock."""
        entries = (yaml.safe_load(self.snapshot.text(LOCK)) or {}).get("stages", {})
        return {name: RecordedStage(record, entries[name]["cmd"]) for name, record in self.snapshot.records.items()}

    def report(self, name: str) -> Any:
        """A report by its path below `reports/`; None if it is missing."""
        path = f"reports/{name}.json"
        text = self.snapshot.text(path)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise WorkspaceError(f"{path} of {self.name} is not readable ({error}): run `dvc repro` there") from error

    def evaluated(self, models: Iterable[str]) -> dict[str, Any]:
        """The reports of the models that have one."""
        reports = {model: self.report(f"evaluate/{model}") for model in models}
        return {model: report for model, report in reports.items() if report is not None}

    def digest(self, model: str) -> str:
        """DVC's hash of a model's predictions; empty for a model that is not in dvc.lock."""
        records = self.snapshot.records
        for stage, folder in ((f"evaluate@{model}", "predictions"), (f"ensemble@{model}", "ensembles")):
            if stage in records:
                return records[stage].outs.get(f"build/{folder}/{model}.parquet", "")
        return ""

    def model(self, model: str) -> ModelRef:
        """A model with its predictions; raises `WorkspaceError` if they are missing."""
        if self.revision:
            found = from_revision(self.snapshot.root, self.revision, model)
        else:
            found = from_workspace(self.snapshot.root, model)
        return replace(found, name=f"{self.name}:{model}")


def workspace(root: Path) -> SnapshotView:
    """The workspace at `root`."""
    return SnapshotView(name=HERE, snapshot=Snapshot(root))


def find_base(root: Path, name: str | None) -> SnapshotView:
    """A git revision, a DVC experiment, or the folder of another checkout; by default the merge base with main.

    Raises `WorkspaceError` for an unknown name.
    """
    if name is None:
        branch, commit = _merge_base(root)
        return SnapshotView(name=f"{branch} ({commit[:7]})", snapshot=Snapshot(root, commit), revision=commit[:7])
    folder = Path(name)
    if (folder / "dvc.yaml").exists():
        return SnapshotView(name=folder.resolve().name, snapshot=Snapshot(folder.resolve()))
    found = snapshots(root, name, experiments=False)[-1]
    short = name[:7] if COMMIT.fullmatch(name) else name
    return SnapshotView(name=short, snapshot=found, revision=short)


def _merge_base(root: Path) -> tuple[str, str]:
    for branch in MAIN:
        commit = git(root, "merge-base", "HEAD", branch)
        if commit:
            return branch, commit
    raise WorkspaceError(
        "there is no branch main to compare with: name a revision, an experiment or the folder of another checkout, "
        "`emopipe check --base ...`"
    )
