"""The two states that a check compares: the workspace, and a revision or another checkout."""

import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emopipe.compare.check.stages import RecordedStage
from emopipe.compare.model_ref import ModelRef, from_files
from emopipe.core.dvc_lock import LOCK
from emopipe.core.errors import WorkspaceError
from emopipe.evaluate.headline import as_report
from emopipe.tracking.git import git, git_bytes
from emopipe.tracking.outs import restore
from emopipe.tracking.snapshots import Snapshot, snapshots

MAIN = ("main", "origin/main")
HERE = "here"
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class SnapshotView:
    """A state of the project: stages, reports and models."""

    name: str
    snapshot: Snapshot

    def stages(self) -> dict[str, RecordedStage]:
        """The stages in dvc.lock."""
        entries = (yaml.safe_load(self.snapshot.text(LOCK)) or {}).get("stages", {})
        return {name: RecordedStage(record, entries[name]["cmd"]) for name, record in self.snapshot.records.items()}

    def read(self, path: str) -> bytes:
        """A file by its path from the root: in a folder the file, else the out with the hash in dvc.lock.

        Raises `FileNotFoundError` for a file that is in no cache, not in git, and in no remote that is set.
        """
        root, commit, md5 = self.snapshot.root, self.snapshot.commit, self.hash(path)
        if not commit and (root / path).is_file():
            return (root / path).read_bytes()
        if not md5:  # such as params.yaml
            content = git_bytes(root, "show", f"{commit}:{path}") if commit else b""
            if not content:
                raise FileNotFoundError(path)
            return content
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out"
            try:
                restore(root, path, md5, target, commit)
            except WorkspaceError as error:
                raise FileNotFoundError(path) from error
            return target.read_bytes()

    def hash(self, path: str) -> str:
        """DVC's hash of an out; empty if no stage in dvc.lock has it."""
        return next((record.outs[path] for record in self.snapshot.records.values() if path in record.outs), "")

    def report(self, name: str) -> Any:
        """A report by its path below `reports/`; None if it is missing."""
        return self._json(f"reports/{name}.json")

    def missing(self, name: str) -> str:
        """Why `report` is None, with a remedy."""
        path = f"reports/{name}.json"
        if not self.hash(path):
            return f"{self.name} has no {path}, as the stage that writes it has not run: `dvc repro`"
        return f"{path} of {self.name} is in no cache and no remote that is set: {self.remedy}"

    @property
    def remedy(self) -> str:
        """How to get an out that is missing."""
        if self.snapshot.commit:
            return "run `dvc fetch --all-commits`, with a remote that has it"
        return f"run `dvc pull` or `dvc repro`{'' if self.name == HERE else ' there'}"

    def evaluated(self, models: Iterable[str]) -> dict[str, Any]:
        """The reports of the models that have one; if it is missing, the metrics that git keeps."""
        reports = {model: self.report(f"evaluate/{model}") or self._metrics(model) for model in models}
        return {model: report for model, report in reports.items() if report is not None}

    def digest(self, model: str) -> str:
        """DVC's hash of a model's predictions; empty for a model that is not in dvc.lock."""
        return self.hash(f"build/predictions/{model}.parquet") or self.hash(f"build/ensembles/{model}.parquet")

    def model(self, model: str) -> ModelRef:
        """A model with its predictions; raises `WorkspaceError` if they are missing."""
        return from_files(f"{self.name}:{model}", model, self.read, self.remedy)

    def _metrics(self, model: str) -> Any:
        """The metrics of git in the form of a report, without intervals."""
        metrics = self._json(f"metrics/{model}.json")
        return metrics and as_report(metrics)

    def _json(self, path: str) -> Any:
        try:
            return json.loads(self.read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise WorkspaceError(f"{path} of {self.name} is not readable ({error}): run `dvc repro` there") from error


def workspace(root: Path) -> SnapshotView:
    """The workspace at `root`."""
    return SnapshotView(name=HERE, snapshot=Snapshot(root))


def find_base(root: Path, name: str | None) -> SnapshotView:
    """A git revision, a DVC experiment, or the folder of another checkout; by default the merge base with main.

    Raises `WorkspaceError` for an unknown name.
    """
    if name is None:
        branch, commit = _merge_base(root)
        return SnapshotView(name=f"{branch} ({commit[:7]})", snapshot=Snapshot(root, commit))
    folder = Path(name)
    if (folder / "dvc.yaml").exists():
        return SnapshotView(name=folder.resolve().name, snapshot=Snapshot(folder.resolve()))
    found = snapshots(root, name, experiments=False)[-1]
    short = name[:7] if COMMIT.fullmatch(name) else name
    return SnapshotView(name=short, snapshot=found)


def _merge_base(root: Path) -> tuple[str, str]:
    for branch in MAIN:
        commit = git(root, "merge-base", "HEAD", branch)
        if commit:
            return branch, commit
    raise WorkspaceError(
        "there is no branch main to compare with: name a revision, an experiment or the folder of another checkout, "
        "`emopipe check --base ...`"
    )
