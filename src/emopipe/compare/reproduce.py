"""`emopipe reproduce`: rebuild a registered version or a run from its commit and data, and compare."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emopipe.compare.agreement import Agreement, Verdict, compare_predictions, first_difference
from emopipe.core.dvc_lock import workspace_records
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_parquet
from emopipe.faces.predictions import predictions_from_arrow
from emopipe.tracking.error_text import error_text
from emopipe.tracking.git import git
from emopipe.tracking.origin import DIFF, Origin
from emopipe.tracking.outs import restore
from emopipe.tracking.store import NAME, connect, local_uri
from emopipe.tracking.versions import mlflow_faults

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSION = re.compile(rf"models:/{NAME}(?:@(?P<alias>[\w.-]+)|/(?P<number>\d+))")
RUN = re.compile(r"(?:runs:/)?(?P<run>[0-9a-f]{32})")
FOREIGN = ("MLFLOW_", "DVC_ROOT", "DVC_EXP_")  # prefixes of variables that point outside the worktree


def reproduce(root: Path, target: str, *, stages: Sequence[str] = (), tolerance: float = 1e-4) -> Agreement:
    """Rebuild `target` in a temporary worktree, without any cache, and compare.

    target: `models:/emopipe@champion`, `models:/emopipe/3`, or the id of a run. stages: only these, each from its
    original inputs; by default all that the target depends on. Raises `WorkspaceError` if an input is missing or a
    stage fails.
    """
    model, origin = find_origin(root, target)
    unknown = [stage for stage in stages if stage not in origin.outs]
    if unknown:
        raise WorkspaceError(f"{target} was made by {', '.join(origin.outs)}, not by {', '.join(unknown)}")
    if not origin.commit:
        raise WorkspaceError(f"{target} was not made from a git commit, so its code is unknown")
    with _worktree(root, origin) as workspace:
        _restore_inputs(root, workspace, origin, stages)
        _run(workspace, stages or [origin.stage], single=bool(stages))
        made = {name: record.outs for name, record in workspace_records(workspace).items()}
        before = {name: outs for name, outs in origin.outs.items() if name in (stages or made)}
        stage, paths = first_difference(before, made)
        if not stage:
            return Agreement(verdict="bitwise equal")
        verdict, reason = _compare(root, workspace, model, before, tolerance)
    return Agreement(verdict=verdict, stage=stage, paths=paths, reason=reason)


def find_origin(root: Path, target: str) -> tuple[str, Origin]:
    """The model's name and its origin; raises `WorkspaceError` for a target that MLflow does not have."""
    version, run = VERSION.fullmatch(target), RUN.fullmatch(target)
    if not version and not run:
        raise WorkspaceError(
            f"{target} is no target: expected models:/{NAME}@ALIAS, models:/{NAME}/NUMBER or a run's id"
        )
    from mlflow.exceptions import MlflowException

    with mlflow_faults("so nothing was reproduced"):
        client, _ = connect(root)
    try:
        if run:
            return client.get_run(run["run"]).data.tags["emopipe.model"], _read_origin(client, f"runs:/{run['run']}")
        number = version["number"] if version else None
        found = (
            client.get_model_version(NAME, number)
            if number
            else client.get_model_version_by_alias(NAME, version["alias"] if version else "")
        )
        return found.tags["emopipe.model"], _read_origin(client, f"models:/{NAME}/{found.version}/artifacts")
    except MlflowException as error:
        raise WorkspaceError(
            f"MLflow does not have {target} with its origin: run `emopipe sync` ({error_text(error)})"
        ) from error


def _read_origin(client: "MlflowClient", artifacts: str) -> Origin:
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory() as folder:
        path = download_artifacts(f"{artifacts}/origin", dst_path=folder, tracking_uri=client.tracking_uri)
        return Origin.read(Path(path))


@contextmanager
def _worktree(root: Path, origin: Origin) -> Iterator[Path]:
    """The project at its commit, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="emopipe-") as temporary:
        tree = Path(temporary) / "worktree"
        _call(root, "git", "worktree", "add", "--quiet", "--detach", str(tree), origin.commit)
        if origin.left_out:
            print(f"note: new files of that state were not kept: {', '.join(origin.left_out)}")
        try:
            if origin.diff:
                patch = Path(temporary) / DIFF
                patch.write_bytes(origin.files()[DIFF])
                _call(tree, "git", "apply", "--whitespace=nowarn", str(patch))
            yield tree / git(root, "rev-parse", "--show-prefix")
        finally:
            _call(root, "git", "worktree", "remove", "--force", str(tree))


def _restore_inputs(root: Path, workspace: Path, origin: Origin, stages: Sequence[str]) -> None:
    """Files that are not in git: data by their hashes, files that parameters name, inputs of single stages."""
    inputs = dict(origin.data)
    if stages:
        inputs |= {
            path: value for name, outs in origin.outs.items() if name not in stages for path, value in outs.items()
        }
    for path, value in inputs.items():
        if not (workspace / path).exists():
            restore(root, path, value, workspace / path, origin.commit)
    for name in _named_files(yaml.safe_load((workspace / "params.yaml").read_text(encoding="utf-8"))):
        if (root / name).exists() and not (workspace / name).exists():
            (workspace / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, workspace / name)


def _named_files(values: Any) -> Iterator[str]:
    """Files that parameters pin by digest: a teacher, pretrained weights."""
    if isinstance(values, dict):
        if {"file", "sha256"} <= values.keys():
            yield str(values["file"])
        for value in values.values():
            yield from _named_files(value)


def _run(workspace: Path, stages: Sequence[str], *, single: bool) -> None:
    """Run the stages and, unless `single`, all that they depend on, without DVC's caches."""
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache", *(["--single-item"] * single)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(workspace / "src"),  # its code, not that of this project
        "MLFLOW_TRACKING_URI": local_uri(workspace),
    }
    if subprocess.run([*command, *stages], cwd=workspace, env=kept | own, check=False).returncode:
        raise WorkspaceError(f"`dvc repro {' '.join(stages)}` failed at the commit to reproduce: see above")


def _compare(
    root: Path, workspace: Path, model: str, before: dict[str, dict[str, str]], tolerance: float
) -> tuple[Verdict, str]:
    """Verdict on the predictions, and its reason."""
    paths = (f"build/predictions/{model}.parquet", f"build/ensembles/{model}.parquet")
    known = [(path, value) for outs in before.values() for path, value in outs.items() if path in paths]
    if not known:
        return "different", ""
    path, value = known[0]
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / Path(path).name
        try:
            restore(root, path, value, recorded)
        except WorkspaceError as error:
            return "different", f"the predictions cannot be compared: {error}"
        first, second = (predictions_from_arrow(read_parquet(file)) for file in (recorded, workspace / path))
    return compare_predictions(first, second, tolerance)


def _call(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkspaceError(f"`{' '.join(command[:3])}` failed: {' '.join(done.stderr.split())[:200]}")
