"""The origin of a run or version: commit, uncommitted changes, and DVC's hashes of data and outs."""

import getpass
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from emopipe.core.dvc_lock import upstream, workspace_records
from emopipe.core.files import read_json
from emopipe.core.state import StageRecord
from emopipe.tracking.git import difference, git
from emopipe.tracking.naming import SETTING_TAG, setting_of

SOURCES = ("src", "stages", "dvc.yaml", "params.yaml", "corrections.csv", "*.dvc", "requirements.lock")
"""The tracked files that decide the outs; dvc.lock, registry.json and the reports are written by the run itself."""
FILE, DIFF = "origin.json", "uncommitted.diff"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """All that is needed to reproduce the outs of a stage, and to check the result."""

    stage: str
    """The last stage: `evaluate@cnn`, `export`."""
    commit: str = ""
    """Of git; empty if unknown."""
    branch: str = ""
    """Of git; empty for a detached HEAD."""
    experiment: str = ""
    """Name of the DVC experiment; empty outside of one."""
    diff: str = ""
    """Changes since the commit, for `git apply`."""
    left_out: list[str] = field(default_factory=list)
    """New files that git does not track and `diff` does not hold."""
    data: dict[str, str] = field(default_factory=dict)
    """Path to DVC's hash, of inputs that are neither outs nor code."""
    outs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Path to DVC's hash by stage, in the order in which the stages run."""

    @property
    def dirty(self) -> str:
        """Whether there are uncommitted changes: `true`, `false` or `unknown`."""
        return "unknown" if not self.commit else str(bool(self.diff or self.left_out)).lower()

    def tags(self) -> dict[str, str]:
        """Tags for MLflow; its pages show those under `mlflow.`."""
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
        """Files by name: all fields as JSON, and the uncommitted changes as a patch."""
        files = {FILE: json.dumps(asdict(self), indent=2).encode()}
        return files | ({DIFF: self.diff.encode("utf-8", "surrogateescape")} if self.diff else {})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `files` returns; raises `DataError` if it is missing."""
        return cls(**read_json(folder / FILE))


def workspace_origin(root: Path, last: StageRecord) -> Origin:
    """The origin of the outs of `last` in the workspace at `root`."""
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    diff, left_out = difference(root, commit, SOURCES) if commit else ("", ())
    return Origin(
        stage=last.state.stage,
        commit=commit,
        branch=git(root, "branch", "--show-current"),
        experiment=os.environ.get("DVC_EXP_NAME", ""),
        diff=diff,
        left_out=list(left_out),
        **hashes(upstream(workspace_records(root), last)),
    )


def creation_tags(root: Path) -> dict[str, str]:
    """Who creates a run, and the address of the repository, without user, password and query."""
    tags = {
        "mlflow.user": git(root, "config", "user.name") or _system_user(),
        "mlflow.source.git.repoURL": without_credentials(git(root, "config", "remote.origin.url")),
    }
    return {name: value for name, value in tags.items() if value}


def without_credentials(address: str) -> str:
    """An address of a git remote without user, password, query and fragment; `git@host:path` has none of them."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # the process has a number and no name
        return ""


def hashes(records: list[StageRecord]) -> dict[str, Any]:
    """`data` and `outs` of an origin, from its stages."""
    outs = {record.state.stage: record.outs for record in records if record.outs}
    made = {path for paths in outs.values() for path in paths}
    made |= {str(parent) for path in made for parent in Path(path).parents}
    inputs = {path: value for record in records for path, value in record.state.inputs.items()}
    data = {
        path: value for path, value in inputs.items() if path not in made and not path.startswith(("src/", "stages/"))
    }
    return {"data": data, "outs": outs}
