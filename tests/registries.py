"""A registry without trained models: predictions, and the tags that the stage `register` writes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emopipe.core.params import load_params
from emopipe.core.state import StageState
from emopipe.faces.predictions import Predictions
from emopipe.tracking.evidence import LATENCY_TAG, PARITY_TAG
from emopipe.tracking.prediction_store import log_predictions
from emopipe.tracking.registry import add_version as add_bundle
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import NAME, connect
from projects import ROOT

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARAMS = load_params(ROOT / "params.yaml")
EVIDENCE = {PARITY_TAG: "true", LATENCY_TAG: "1.500"}


def new_store(root: Path) -> Path:
    """A folder with a store that has no run yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.delenv("DVC_ROOT", raising=False)
        connect(root)
    return root


def copy_store(store: Path, root: Path) -> Path:
    """`root` with a copy of that store and params.yaml; its artifacts go where the first one's would go."""
    shutil.copy(store / "mlflow.db", root)
    shutil.copy(ROOT / "params.yaml", root)
    return root


@contextmanager
def champion_store(root: Path, bundle: Path, face: bytes) -> Iterator["MlflowClient"]:
    """The store in `root`, in use inside the block; its champion is the bundle. face: the input example, encoded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
        client, _ = connect(root)
        version = add_bundle(client, None, bundle, face, {}, "", None)
        client.set_registered_model_alias(NAME, "champion", version)
        yield client


def add_run(root: Path, model: str, predictions: Predictions | None, digest: str = "c" * 32) -> str:
    """A finished run that was evaluated; its id. `digest` is of its table of faces."""
    state = StageState(f"train@{model}", {}, {"build/clean.parquet": digest})
    with ModelRun(root, model, state, PARAMS).start() as run:
        run.complete()
        if predictions is not None:
            log_predictions(run, predictions)
        return run.connection()[1]


def add_version(root: Path, model: str, predictions: Predictions | None, **tags: str) -> str:
    """A version of the registered model that became `challenger`, and `champion` if it is the first; its number."""
    run_id = add_run(root, model, predictions)
    client, _ = connect(root)
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    version = str(client.create_model_version(NAME, source, run_id, tags=EVIDENCE | tags).version)
    client.set_registered_model_alias(NAME, "challenger", version)
    if version == "1":
        client.set_registered_model_alias(NAME, "champion", version)
    return version
