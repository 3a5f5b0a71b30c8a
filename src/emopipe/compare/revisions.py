"""A model as a git revision, a DVC experiment or the workspace holds it: predictions, parameters, data."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from emopipe.compare.model_ref import ModelRef, flat_params
from emopipe.core.errors import WorkspaceError
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import predictions_from_arrow

Read = Callable[[str], bytes]
"""The content of a file by its path from the root; raises `OSError` where there is none."""

TABLES = ("build/clean.parquet", "build/train.parquet")


def from_workspace(root: Path, model: str) -> ModelRef:
    """A model as the workspace at `root` has it; raises `WorkspaceError` where it was not evaluated."""
    return _candidate(
        f"workspace:{model}", model, lambda path: (root / path).read_bytes(), f"run `dvc repro evaluate@{model}`"
    )


def from_revision(root: Path, revision: str, model: str = "") -> ModelRef:
    """A model of a git revision or a DVC experiment, by default the exported one.

    Raises `WorkspaceError` where there is no such revision, or DVC's cache lacks its predictions.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    remedy = f"check {revision} out and run `dvc repro`, or `dvc pull` if a remote has it"
    try:
        read: Read = DVCFileSystem(str(root), rev=revision).read_bytes
        if not model:
            exported = yaml.safe_load(_required(read, "reports/export.json", revision, remedy))
            model = exported["model"]
        return _candidate(f"{revision}:{model}", model, read, remedy)
    except DvcException as error:
        raise WorkspaceError(
            f"{revision} is no MLflow run, no version, no git revision and no DVC experiment ({error}): see "
            "`emopipe compare --help`"
        ) from error


def _candidate(name: str, model: str, read: Read, remedy: str) -> ModelRef:
    params = yaml.safe_load(_required(read, "params.yaml", name, remedy))
    is_ensemble = model in (params.get("ensembles") or params.get("evaluate", {}).get("ensembles") or {})
    path = f"build/{'ensembles' if is_ensemble else 'predictions'}/{model}.parquet"
    predictions = predictions_from_arrow(pq.read_table(io.BytesIO(_required(read, path, name, remedy))))
    lock = yaml.safe_load(_required(read, "dvc.lock", name, remedy))
    stage = f"ensemble@{model}" if is_ensemble else f"train@{model}"
    return ModelRef(
        measured=ModelPredictions(name=name, predictions=(predictions,)),
        params={"model": model} | flat_params(params),
        data=_tables(lock, stage),
    )


def _tables(lock: dict[str, Any], stage: str) -> dict[str, str]:
    deps = lock.get("stages", {}).get(stage, {}).get("deps", [])
    return {Path(dep["path"]).stem: dep["md5"] for dep in deps if dep["path"] in TABLES}


def _required(read: Read, path: str, name: str, remedy: str) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise WorkspaceError(f"{name} has no {path} at hand: {remedy}") from error
