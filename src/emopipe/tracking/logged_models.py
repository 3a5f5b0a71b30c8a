"""The entries by which MLflow compares, registers and loads models (`LoggedModel`): one per run."""

import re
from typing import TYPE_CHECKING

from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.versions import DIGEST_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

MODEL_TYPE = "classifier"
REFUSED = r"""[/:.%"']"""  # characters in the name of an entry
EXTERNAL_TAG = "mlflow.model.isExternal"
"""`true` while its files are DVC's outs alone; MLflow removes it when files are logged."""


def model_of_run(client: "MlflowClient", run_id: str) -> str:
    """The id of the entry of a run, which is created if it is missing."""
    found = _models_of_run(client, run_id)
    return str(found[0].model_id) if found else _create(client, run_id)


def model_for_bundle(client: "MlflowClient", run_id: str, digest: str) -> str:
    """The id of the entry of a run that takes the files of a bundle.

    It is the entry of the run. Only a run that is exported differently a second time gets another, with the same
    metrics, since a version keeps its files.
    """
    found = _models_of_run(client, run_id)
    ready = [model for model in found if model.tags.get(DIGEST_TAG) == digest]
    ready += [model for model in found if model.tags.get(EXTERNAL_TAG) == "true"]
    if ready:
        return str(ready[0].model_id)
    entry = _create(client, run_id)
    if found:
        _copy_metrics(client, run_id, found[0], entry)
    return entry


def _models_of_run(client: "MlflowClient", run_id: str) -> "list[LoggedModel]":
    """The oldest first."""
    experiment = client.get_run(run_id).info.experiment_id
    order = [{"field_name": "creation_timestamp", "ascending": True}]
    return list(client.search_logged_models([experiment], f"source_run_id = '{run_id}'", order_by=order))


def _copy_metrics(client: "MlflowClient", run_id: str, source: "LoggedModel", target: str) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(
            metric.key,
            metric.value,
            metric.timestamp,
            metric.step,
            model_id=target,
            dataset_name=metric.dataset_name,
            dataset_digest=metric.dataset_digest,
        )
        for metric in source.metrics or []
    ]
    client.log_batch(run_id, metrics=metrics)


def _create(client: "MlflowClient", run_id: str) -> str:
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(run_id)
    name = re.sub(REFUSED, "_", run.data.tags.get(MODEL_TAG, "model"))
    tags, params = {EXTERNAL_TAG: "true"}, dict(run.data.params)
    created = client.create_logged_model(run.info.experiment_id, name, run_id, tags, params, MODEL_TYPE)
    client.log_outputs(run_id, [LoggedModelOutput(created.model_id, 0)])
    return str(client.finalize_logged_model(created.model_id, "READY").model_id)
