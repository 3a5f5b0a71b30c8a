"""A registered version on the current faces, so that it can be compared with versions from later data."""

import tempfile
from pathlib import Path

from emopipe.core.errors import ModelError
from emopipe.core.files import read_parquet
from emopipe.export.parity import in_batches
from emopipe.export.runtime import GRAPH, Bundle
from emopipe.faces.predictions import Predictions, predictions_of
from emopipe.faces.table import HELD_OUT, faces_from_arrow
from emopipe.tracking.prediction_store import log_later_predictions
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import find_version, mlflow_faults, run_of


def reevaluate(root: Path, version: str, clean: Path) -> tuple[str, Predictions]:
    """Run a version's exported graph on validation and test of `clean`, and log the predictions to its run.

    Returns its number and the predictions. Raises `WorkspaceError` for an unknown version, `ModelError` if its
    artifacts are missing.
    """
    faces = faces_from_arrow(read_parquet(clean))
    faces = faces.where(faces.frame["split"].isin(HELD_OUT))
    with mlflow_faults("so nothing was evaluated"), tempfile.TemporaryDirectory() as folder:
        client, _ = connect(root)
        registered = find_version(client, version)
        import mlflow

        mlflow.set_tracking_uri(client.tracking_uri)
        source = f"models:/{NAME}/{registered.version}"
        graphs = sorted(Path(mlflow.artifacts.download_artifacts(source, dst_path=folder)).rglob(GRAPH))
        if not graphs:
            raise ModelError(f"version {registered.version} holds no {GRAPH}: register it by `dvc repro register`")
        bundle = Bundle(graphs[0].parent)
        predictions = predictions_of(faces, in_batches(bundle, faces), bundle.classes)
        log_later_predictions(client, run_of(registered), predictions)
        return str(registered.version), predictions
