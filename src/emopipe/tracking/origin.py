"""Where something is from: the commit, what was not committed, and the hashes that DVC has of data and outs."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from emopipe.core.files import read_json
from emopipe.core.state import StageRecord
from emopipe.tracking.dvc_lock import LOCK, read_lock, upstream
from emopipe.tracking.git import difference, git
from emopipe.tracking.naming import SETTING_TAG, setting_of

SOURCES = ("src", "stages", "dvc.yaml", "params.yaml", "corrections.csv", "*.dvc", "requirements.lock")
"""What decides what comes out. dvc.lock and the reports are written by the run itself."""
NOTE = "origin.json"
DIFF = "uncommitted.diff"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What it takes to make something again, and to tell whether that came out the same."""

    stage: str
    """The last stage: `evaluate@cnn`, `export`."""
    commit: str = ""
    """Of git; empty where there is none."""
    branch: str = ""
    """Of git; empty where the commit was checked out by itself."""
    experiment: str = ""
    """Name of the DVC experiment; empty outside of one."""
    diff: str = ""
    """What differs from the commit, as git can apply it; empty where nothing does."""
    data: dict[str, str] = field(default_factory=dict)
    """Path to DVC's hash, of inputs that no stage makes and that are not code."""
    outs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Path to DVC's hash by stage, in the order in which the stages run."""

    @property
    def dirty(self) -> str:
        """As a tag says it."""
        return "unknown" if not self.commit else str(bool(self.diff)).lower()

    def tags(self) -> dict[str, str]:
        """For MLflow; those under `mlflow.` are the ones that its pages know."""
        return {
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": f"dvc repro {self.stage}",
            "mlflow.source.git.commit": self.commit,
            "mlflow.source.git.branch": self.branch,
            "emopipe.git.dirty": self.dirty,
            "dvc.experiment": self.experiment,
            SETTING_TAG: setting_of(self.experiment),
            **{f"dvc.{path.replace('/', '.')}": value for path, value in self.data.items()},
        }

    def files(self) -> dict[str, bytes]:
        """As files by their names: all of it as JSON, and the difference from the commit as git takes it."""
        files = {NOTE: json.dumps(asdict(self), indent=2).encode()}
        return files | ({DIFF: self.diff.encode("utf-8", "surrogateescape")} if self.diff else {})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `files` gave; raises `WorkspaceError` where it is not there."""
        return cls(**read_json(folder / NOTE))


def workspace_origin(root: Path, last: StageRecord) -> Origin:
    """The origin of what `last` makes in the workspace at `root`."""
    lock = root / LOCK
    records = read_lock(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    return Origin(
        stage=last.state.stage,
        commit=commit,
        branch=git(root, "branch", "--show-current"),
        experiment=os.environ.get("DVC_EXP_NAME", ""),
        diff=difference(root, commit, SOURCES) if commit else "",
        **hashes(upstream(records, last)),
    )


def hashes(records: list[StageRecord]) -> dict[str, Any]:
    """`data` and `outs` of an origin, from the stages that made it."""
    outs = {record.state.stage: record.outs for record in records if record.outs}
    made = {path for paths in outs.values() for path in paths}
    folders = {str(parent) for path in made for parent in Path(path).parents}
    inputs = {path: value for record in records for path, value in record.state.inputs.items()}
    code = ("src/", "stages/")
    data = {path: value for path, value in inputs.items() if path not in made | folders and not path.startswith(code)}
    return {"data": data, "outs": outs}
