"""The store of MLflow: MLFLOW_TRACKING_URI, by default a SQLite file at the root of the project."""

import logging
import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from emopipe.core.atomic import atomic_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

FILE = "mlflow.db"  # the default store, at the root of the project
NAME = "emopipe"  # of the experiment and of the registered model

ABOUT = {
    "mlflow.experimentKind": "custom_model_development",  # its page opens on training runs
    "mlflow.experiment.primaryMetric.name": "val/macro_f1",  # the first chart when runs are compared
    "mlflow.note.content": (
        "Facial emotion: one run per model, and per state of data, parameters and code. `val/` and `test/` are metrics "
        "of the best epoch, `epoch/` is the training. Models are chosen by `val/` alone."
    ),
}

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",  # a new store logs the creation of its tables
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # at the end of each run
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",  # files come through the server, not from its bucket
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is down costs seconds, not minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


_ATTEMPTS = count()


def tracking_uri(root: Path) -> str:
    """The store in use."""
    return os.environ.get("MLFLOW_TRACKING_URI") or local_uri(root)


def local_uri(root: Path) -> str:
    """The default store: the address of a SQLite file."""
    return _sqlite_uri(root / FILE)


def _sqlite_uri(file: Path) -> str:
    from sqlalchemy.engine import URL

    plain = f"sqlite:///{file}"
    address = URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)
    # With the driver in the address, MLflow makes no folder by the escaped name of the project's.
    return plain if address == plain else address.replace("sqlite:", "sqlite+pysqlite:", 1)


def store_name() -> str:
    """The store in use, for messages: the variable that names it, or the default one's file."""
    return "MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else FILE


def store_lock(root: Path) -> FileLock:
    """The lock between the processes of this machine that use one store, whatever their project; reentrant.

    It lies beside a SQLite store, and else in the project.
    """
    return FileLock(f"{_sqlite_file(tracking_uri(root)) or root / FILE}.lock", is_singleton=True)


def _sqlite_file(uri: str) -> Path | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(uri)
    except ArgumentError:
        return None
    is_file = address.drivername.startswith("sqlite") and address.database
    return Path(str(address.database)).resolve() if is_file else None


def _create(file: Path) -> None:
    """Make the tables of a store under another name: a kill or a full disk leaves no half of one."""
    from mlflow import MlflowClient

    with atomic_path(file) as temporary:
        # a name of its own for each attempt, as MLflow makes the tables of an address once in a process
        attempt = temporary.with_name(f".{file.name}.{next(_ATTEMPTS)}.{os.getpid()}.tmp")
        try:
            address = _sqlite_uri(attempt)
            MlflowClient(address, address).search_experiments(max_results=1)
            attempt.replace(temporary)
        finally:
            attempt.unlink(missing_ok=True)


def is_server(uri: str) -> bool:
    """Whether a server owns the store, and so decides where artifacts go."""
    return uri.startswith(("http://", "https://"))


def connect(root: Path) -> "tuple[MlflowClient, str]":
    """A client, and the id of the experiment, which is created if it is missing."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)  # it also raises each error
    uri = tracking_uri(root)
    artifacts = None if is_server(uri) else (root / "mlartifacts").as_uri()
    with store_lock(root):  # processes that create one SQLite store together crash
        if (file := _sqlite_file(uri)) and not file.exists():
            _create(file)
        client = MlflowClient(uri, uri)
        experiment = client.get_experiment_by_name(NAME)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            for name in ABOUT.keys() - experiment.tags.keys():  # made by an earlier version of this project
                client.set_experiment_tag(experiment.experiment_id, name, ABOUT[name])
            return client, experiment.experiment_id
        return client, client.create_experiment(NAME, artifact_location=artifacts, tags=ABOUT)
