"""MLflow's pages: the port of their server, and the table of runs, a shared view kept in a tag of the experiment."""

import json
import socket
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.naming import MODEL_TAG, SETTING_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "emopipe"
TAG = f"mlflow.sharedViewState.{KEY}"
BEST_FIRST = "metrics.`val/macro_f1`"
COLUMNS = {
    f"tags.`{SETTING_TAG}`": 130,
    BEST_FIRST: 110,
    "metrics.`test/macro_f1`": 110,
    "metrics.`test/macro_f1_low`": 135,
    "metrics.`test/macro_f1_high`": 140,
    "tags.`emopipe.against_champion`": 205,
    "metrics.`test/accuracy`": 110,
    "params.`train.epochs`": 105,
    "params.`balance.strategy`": 130,
}
"""From left to right, with their widths in pixels."""
MODELS = f"tags.`{MODEL_TAG}` LIKE '%'"
"""Runs of models, without those of states, which have no metrics."""


def require_free_port(host: str, port: int) -> None:
    """Raise `WorkspaceError` if a server could not listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkspaceError(f"cannot listen on {host}:{port} ({reason}): change --host or --port") from error


def share_view(client: "MlflowClient", experiment: str) -> str:
    """Save the view with the experiment; its address below that of MLflow."""
    view = {
        "selectedColumns": list(COLUMNS),
        "columnOrder": list(COLUMNS),
        "columnWidths": COLUMNS,
        "searchFilter": MODELS,
        "orderByKey": BEST_FIRST,
        "orderByAsc": False,
    }
    client.set_experiment_tag(experiment, TAG, json.dumps(view))
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
