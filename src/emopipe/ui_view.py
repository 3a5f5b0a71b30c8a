"""What MLflow's table of runs shows first: a view that its page knows as shared, by a tag of the experiment."""

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from emopipe.tracking.naming import MODEL_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "emopipe"
TAG = f"mlflow.sharedViewState.{KEY}"
METRICS = ("val/macro_f1", "test/macro_f1", "test/macro_f1_low", "test/macro_f1_high", "test/accuracy", "test/ece")
TAGS = ("emopipe.against_champion", "dvc.experiment")
PARAMS = ("train.epochs", "balance.strategy")
BEST_FIRST = "metrics.`val/macro_f1`"
MODELS = f"tags.`{MODEL_TAG}` LIKE '%'"
"""Runs of models, without those of states, which have no figures."""


def share_view(client: "MlflowClient", experiment: str) -> str:
    """Keep the view with the experiment; where its page has it."""
    columns = [
        f"{kind}.`{name}`"
        for kind, names in (("metrics", METRICS), ("params", PARAMS), ("tags", TAGS))
        for name in names
    ]
    view = {"selectedColumns": columns, "searchFilter": MODELS, "orderByKey": BEST_FIRST, "orderByAsc": False}
    client.set_experiment_tag(experiment, TAG, json.dumps(view))
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={quote(KEY)}"
