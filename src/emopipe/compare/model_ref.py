"""A model by reference: a run or version in MLflow, a git revision, a DVC experiment, or the workspace."""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import yaml

from emopipe.core.errors import WorkspaceError
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import predictions_from_arrow
from emopipe.tracking.naming import MODEL_TAG, flatten, own_params
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import find_version, mlflow_faults, run_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

RUN = re.compile(r"[0-9a-f]{32}")
VERSION = re.compile(rf"(?:models:/{NAME}[/@])?(?P<version>\d+)|models:/{NAME}@(?P<alias>[\w-]+)")
TABLES = ("build/clean.parquet", "build/train.parquet")
OTHER_MODELS = ("models", "ensembles.", "train.models", "evaluate.ensembles.")
"""Parameters that list other models, by their present and earlier names."""

Read = Callable[[str], bytes]
"""The content of a file by its path from the root; raises `OSError` for a missing file."""


@dataclass(frozen=True, kw_only=True)
class ModelRef(ModelPredictions):
    """A model with its predictions, parameters and data."""

    params: dict[str, str]
    """Dotted name to value."""
    data: dict[str, str]
    """Name of a table, such as `clean`, to DVC's hash of it."""


def find_model(root: Path, name: str) -> ModelRef:
    """A run's id, a version (`3`, `models:/emopipe@champion`), `workspace:MODEL`, or `REVISION[:MODEL]`.

    Raises `WorkspaceError` for an unknown name, or a model without predictions.
    """
    place, _, model = name.partition(":")
    if place == "workspace":
        return from_workspace(root, model)
    is_run, version = RUN.fullmatch(name), VERSION.fullmatch(name)
    if not is_run and not version:
        return from_revision(root, place, model)
    with mlflow_faults("so the models cannot be compared"):
        client, _ = connect(root)
        if is_run or not version:
            return _of_run(client, name, f"run {name[:8]}")
        return of_version(client, find_version(client, version["version"] or version["alias"]))


def of_version(client: "MlflowClient", version: "ModelVersion") -> ModelRef:
    """A version of the registered model."""
    return _of_run(client, run_of(version), f"version {version.version}")


def from_workspace(root: Path, model: str) -> ModelRef:
    """A model of the workspace at `root`; raises `WorkspaceError` if it was not evaluated."""
    remedy = f"run `dvc pull`, or `dvc repro evaluate@{model}`"
    return from_files(f"workspace:{model}", model, lambda path: (root / path).read_bytes(), remedy)


def from_revision(root: Path, revision: str, model: str = "") -> ModelRef:
    """A model of a git revision or a DVC experiment, by default the exported one.

    Raises `WorkspaceError` for an unknown revision, or predictions that are not in DVC's cache.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    remedy = f"check {revision} out and run `dvc repro`, or `dvc pull` if a remote has it"
    try:
        read: Read = DVCFileSystem(str(root), rev=revision).read_bytes
        if not model:
            model = yaml.safe_load(_required(read, "reports/export.json", revision, remedy))["model"]
        return from_files(f"{revision}:{model}", model, read, remedy)
    except DvcException as error:
        raise WorkspaceError(
            f"{revision} is no MLflow run, no version, no git revision and no DVC experiment ({error}): see "
            "`emopipe compare --help`"
        ) from error


def from_files(name: str, model: str, read: Read, remedy: str) -> ModelRef:
    """A model from the files of its state; raises `WorkspaceError` with `remedy` for a file that is missing."""
    params = yaml.safe_load(_required(read, "params.yaml", name, remedy))
    is_ensemble = model in (params.get("ensembles") or params.get("evaluate", {}).get("ensembles") or {})
    path = f"build/{'ensembles' if is_ensemble else 'predictions'}/{model}.parquet"
    predictions = predictions_from_arrow(pq.read_table(io.BytesIO(_required(read, path, name, remedy))))
    lock = yaml.safe_load(_required(read, "dvc.lock", name, remedy))
    stage = lock.get("stages", {}).get(f"{'ensemble' if is_ensemble else 'train'}@{model}", {})
    return ModelRef(
        name=name,
        predictions=(predictions,),
        params={"model": model} | flat_params(own_params(params, model)),
        data={Path(dep["path"]).stem: dep["md5"] for dep in stage.get("deps", []) if dep["path"] in TABLES},
    )


def flat_params(values: Mapping[str, Any]) -> dict[str, str]:
    """params.yaml as parsed, or as logged to MLflow: nested values under dotted names, equal values as equal texts."""
    return {name: _text(value) for name, value in flatten(values).items() if not name.startswith(OTHER_MODELS)}


def _of_run(client: "MlflowClient", run_id: str, name: str) -> ModelRef:
    run = client.get_run(run_id)
    data_sets = [item.dataset for item in run.inputs.dataset_inputs] if run.inputs else []
    return ModelRef(
        name=f"{name} ({run.data.tags.get(MODEL_TAG, run.info.run_name)})",
        predictions=predictions_of_run(client, run_id),
        params=flat_params(run.data.params),
        data={Path(data.name).stem: data.digest for data in data_sets},
    )


def _required(read: Read, path: str, name: str, remedy: str) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise WorkspaceError(f"{name} has no {path}: {remedy}") from error


def _text(value: str) -> str:
    """Numbers in one form (12.0 as 12), lists and MLflow's text of tuples without brackets."""
    try:
        number = float(value)
    except ValueError:
        return value.strip("()[]").removesuffix(",")
    return str(int(number)) if number.is_integer() else str(number)
