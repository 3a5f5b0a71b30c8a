"""The two models of a comparison, by what a person calls them."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.compare.model_ref import ModelRef, flat_params
from emopipe.compare.revisions import from_revision, from_workspace
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import find_version, mlflow_faults, run_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

RUN = re.compile(r"[0-9a-f]{32}")
VERSION = re.compile(rf"(?:models:/{NAME}[/@])?(?P<version>\d+)|models:/{NAME}@(?P<alias>[\w-]+)")
NOTHING_FOUND = "so there is nothing to compare"


def find_model(root: Path, name: str) -> ModelRef:
    """A run's id, a version (`3`, `models:/emopipe@champion`), `workspace:MODEL`, or `REVISION[:MODEL]`.

    Raises `WorkspaceError` where there is no such thing, or it keeps no predictions.
    """
    place, _, model = name.partition(":")
    if place == "workspace":
        return from_workspace(root, model)
    is_run, version = RUN.fullmatch(name), VERSION.fullmatch(name)
    if not is_run and not version:
        return from_revision(root, place, model)
    with mlflow_faults(NOTHING_FOUND):
        client, _ = connect(root)
        if is_run or not version:
            return of_run(client, name, f"run {name[:8]}")
        return of_version(client, find_version(client, version["version"] or version["alias"]))


def of_version(client: "MlflowClient", version: "ModelVersion") -> ModelRef:
    """A version of the registered model."""
    return of_run(client, run_of(version), f"version {version.version}")


def of_run(client: "MlflowClient", run_id: str, name: str) -> ModelRef:
    """A run of one model."""
    run = client.get_run(run_id)
    tables = {}
    for item in run.inputs.dataset_inputs if run.inputs else []:
        tags = {tag.key: tag.value for tag in item.tags}
        tables[tags.get("mlflow.data.context", item.dataset.name)] = item.dataset.digest
    return ModelRef(
        measured=ModelPredictions(
            name=f"{name} ({run.data.tags.get(MODEL_TAG, run.info.run_name)})",
            predictions=predictions_of_run(client, run_id),
        ),
        params=flat_params(run.data.params),
        data=tables,
    )
