"""The predictions that a run keeps, and the test faces that they are for."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_parquet, write_parquet
from emopipe.evaluate.pairing import digest_of_test_faces
from emopipe.faces.predictions import Predictions, predictions_from_arrow, predictions_to_arrow
from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.runs import ModelRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

TEST_FACES_TAG = "emopipe.test_faces"
PREDICTIONS = "predictions.parquet"
LATER = "predictions"
"""Folder of predictions on other faces, added later, each file named by the digest of its test faces."""


def log_predictions(run: ModelRun, predictions: Predictions) -> None:
    """Log the predictions of an evaluation, so that runs can be compared without their workspaces."""
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(Path(folder) / PREDICTIONS, predictions_to_arrow(predictions))
        run.log_artifacts(Path(folder), "")
    run.set_tag(TEST_FACES_TAG, digest_of_test_faces(predictions))


def log_later_predictions(client: "MlflowClient", run_id: str, predictions: Predictions) -> str:
    """Add predictions on other faces to a run; the digest of their test faces."""
    digest = digest_of_test_faces(predictions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{digest}.parquet"
        write_parquet(path, predictions_to_arrow(predictions))
        client.log_artifact(run_id, str(path), LATER)
    return digest


def predictions_of_run(client: "MlflowClient", run_id: str) -> tuple[Predictions, ...]:
    """All predictions of a run, those of its evaluation first; raises `WorkspaceError` if it has none."""
    paths = [item.path for item in client.list_artifacts(run_id) if item.path == PREDICTIONS]
    paths += sorted(item.path for item in client.list_artifacts(run_id, LATER))
    if not paths:
        model = client.get_run(run_id).data.tags.get(MODEL_TAG, "MODEL")
        raise WorkspaceError(
            f"run {run_id} of {model} keeps no {PREDICTIONS}: in its state of the project, run "
            f"`dvc repro --force --single-item evaluate@{model}`"
        )
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(client.download_artifacts(run_id, path, folder)) for path in paths]
        return tuple(predictions_from_arrow(read_parquet(file)) for file in files)
