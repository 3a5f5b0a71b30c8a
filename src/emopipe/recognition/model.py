"""Opening an exported model by its name."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from emopipe.errors import ModelError
from emopipe.serving.bundle import DESCRIPTION, Bundle

REGISTRY = "models:/"


def open_model(name: str, *, num_threads: int = 0) -> Bundle:
    """A folder that `export` wrote, or a version in MLflow's registry such as `models:/emopipe@champion`.

    `num_threads` 0 takes all cores. MLflow is imported for the latter alone.
    """
    if not name.startswith(REGISTRY):
        return Bundle(Path(name), num_threads=num_threads)
    with TemporaryDirectory() as folder:
        return Bundle(_fetch(name, folder), num_threads=num_threads)


def _fetch(name: str, folder: str) -> Path:
    """Copy a registered version into `folder`, and return where its bundle lies."""
    from emopipe.tracking.store import ENVIRONMENT, project_root, tracking_uri

    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import mlflow

    uri = tracking_uri(project_root())
    try:
        mlflow.artifacts.download_artifacts(artifact_uri=name, dst_path=folder, tracking_uri=uri, registry_uri=uri)
    except mlflow.MlflowException as error:
        raise ModelError(f"{name} is not in {uri} ({error.message}): run `dvc repro register`") from error
    found = sorted(Path(folder).rglob(DESCRIPTION))
    if not found:
        raise ModelError(f"{name} holds no exported model: expected {DESCRIPTION} among its files")
    return found[0].parent
