"""The columns and order of MLflow's table of runs: a shared view, kept in a tag of the experiment."""

import json
from typing import TYPE_CHECKING

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
