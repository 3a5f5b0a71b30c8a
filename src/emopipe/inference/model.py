"""Opening an exported model: the released one, a folder, a version in MLflow's registry, or that of a server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import cv2

from emopipe.core.errors import ModelError
from emopipe.export.runtime import DESCRIPTION, GRAPH, Bundle
from emopipe.inference.recogniser import Recogniser
from emopipe.vision.centerface import CenterFace
from emopipe.vision.yunet import YuNet

REGISTRY, HTTP = "models:/", ("http://", "https://")
EXPORTED, RELEASED = "exports", "released"
"""Names of the model that `export` wrote, and of the one that comes with emopipe."""
RELEASED_FOLDER = Path(__file__).parent / "released"
MAX_BYTES = 2_000_000_000
"""Of a downloaded file; the limit of ONNX without external data."""
TIMEOUT = 30.0
"""Seconds, for each response to begin, and between its parts."""


def open_recogniser(
    model: str, *, yunet: Path | None, longest: int, uncertain_below: float | None, num_threads: int
) -> Recogniser:
    """A model with YuNet if the file of its weights is given, else with CenterFace.

    `longest`: longer side of the detector's input, in pixels. `uncertain_below`: None for the model's own.
    """
    bundle = open_model(model, num_threads=num_threads)
    cv2.setNumThreads(num_threads or -1)
    detector = YuNet(yunet, longest=longest) if yunet else CenterFace(longest=longest, num_threads=num_threads)
    threshold = bundle.uncertain_below if uncertain_below is None else uncertain_below
    return Recogniser(bundle, detector, uncertain_below=threshold)


def open_model(name: str, *, num_threads: int = 0) -> Bundle:
    """Open a model by its name, as for `bundle_folder`; `num_threads` 0 uses all cores."""
    with bundle_folder(name) as folder:
        return Bundle(folder, num_threads=num_threads)


@contextmanager
def bundle_folder(name: str) -> Iterator[Path]:
    """The folder of a model, temporary for one that is downloaded.

    `name` is `RELEASED`, a folder that `export` wrote, a registered version such as `models:/emopipe@champion`, or the
    address of an `emopipe serve`, such as `http://127.0.0.1:8000`. MLflow is imported for registered versions only.
    Raises `ModelError` if there is no model.
    """
    if name == RELEASED:
        yield RELEASED_FOLDER
    elif name.startswith(REGISTRY):
        with TemporaryDirectory() as folder:
            yield _download_version(name, folder)
    elif name.startswith(HTTP):
        with TemporaryDirectory() as folder:
            _download_served(name, Path(folder))
            yield Path(folder)
    elif (Path(name) / DESCRIPTION).is_file():
        yield Path(name)
    else:
        raise ModelError(f"{name} holds no exported model: name one with --model, or run `dvc repro export`")


def _download_version(name: str, folder: str) -> Path:
    """Download a registered version into `folder`; returns the folder of its bundle."""
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
    paths = sorted(Path(folder).rglob(DESCRIPTION))
    if not paths:
        raise ModelError(f"{name} holds no exported model: expected {DESCRIPTION} among its files")
    return paths[0].parent


def _download_served(address: str, folder: Path) -> None:
    """Download the model of the `emopipe serve` at `address` into `folder`."""
    for name in (DESCRIPTION, GRAPH):
        url = f"{address.rstrip('/')}/model/{name}"
        try:
            with urlopen(url, timeout=TIMEOUT) as response:
                content = response.read(MAX_BYTES + 1)
        except HTTPError as error:
            raise ModelError(f"{url} returns {error.code}: expected the address of an `emopipe serve`") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise ModelError(f"{url} cannot be downloaded ({reason}): is `emopipe serve` running there?") from error
        if len(content) > MAX_BYTES:
            raise ModelError(f"{url} has more than {MAX_BYTES} bytes: expected the address of an `emopipe serve`")
        (folder / name).write_bytes(content)
