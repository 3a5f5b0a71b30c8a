"""Opening an exported model by its name, alone or with a detector."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from emopipe.core.errors import ModelError
from emopipe.export.runtime import DESCRIPTION, Bundle
from emopipe.inference.recogniser import Recogniser
from emopipe.inference.remote import SCHEMES, fetch_bundle
from emopipe.vision.centerface import CenterFace
from emopipe.vision.yunet import YuNet

REGISTRY = "models:/"


def open_recogniser(
    model: str, *, yunet: Path | None, longest: int, uncertain_below: float, num_threads: int
) -> Recogniser:
    """A model with YuNet where the file of its weights is given, else with CenterFace.

    Pictures are shrunk for the detector until their longer side is `longest` pixels.
    """
    bundle = open_model(model, num_threads=num_threads)
    cv2.setNumThreads(num_threads or -1)
    detector = YuNet(yunet, longest=longest) if yunet else CenterFace(longest=longest, num_threads=num_threads)
    return Recogniser(bundle, detector, uncertain_below=uncertain_below)


def open_model(name: str, *, num_threads: int = 0) -> Bundle:
    """A folder that `export` wrote, a version in MLflow's registry such as `models:/emopipe@champion`, or the model of
    an `emopipe serve` by its address, such as `http://127.0.0.1:8000`.

    `num_threads` 0 takes all cores. MLflow is imported for versions alone. Raises `ModelError` when there is none.
    """
    with bundle_folder(name) as folder:
        return Bundle(folder, num_threads=num_threads)


@contextmanager
def bundle_folder(name: str) -> Iterator[Path]:
    """The folder of a model that is named as for `open_model`; one that is fetched is there while the block lasts.

    Raises `ModelError` when there is none.
    """
    if name.startswith(REGISTRY):
        with TemporaryDirectory() as folder:
            yield _fetch(name, folder)
    elif name.startswith(SCHEMES):
        with TemporaryDirectory() as folder:
            fetch_bundle(name, Path(folder))
            yield Path(folder)
    elif (Path(name) / DESCRIPTION).is_file():
        yield Path(name)
    else:
        raise ModelError(f"{name} holds no exported model: name one with --model, or run `dvc repro export`")


def _fetch(name: str, folder: str) -> Path:
    """Copy a registered version into `folder`, and return where its bundle lies."""
    from emopipe.core.state import project_root
    from emopipe.tracking.store import ENVIRONMENT, tracking_uri

    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    import mlflow

    uri = tracking_uri(project_root())
    try:
        mlflow.artifacts.download_artifacts(artifact_uri=name, dst_path=folder, tracking_uri=uri, registry_uri=uri)
    except mlflow.MlflowException as error:
        raise ModelError(
            f"{name} is not in {uri} ({error.message}): run `dvc repro register`, or name another"
        ) from error
    found = sorted(Path(folder).rglob(DESCRIPTION))
    if not found:
        raise ModelError(f"{name} holds no exported model: expected {DESCRIPTION} among its files")
    return found[0].parent
