"""MLflow's pages: the duration of a training, and the description of the experiment."""

from dataclasses import replace

import pytest

from emopipe.core.params import load_params
from emopipe.core.state import StageState
from emopipe.tracking.naming import NOTE_TAG
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import connect
from projects import ROOT

pytestmark = pytest.mark.xdist_group("tracking")

STATE = StageState("train@cnn", {"train.epochs": 2}, {})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield tmp_path_factory.mktemp("store")


def model_run(root, stage):
    return ModelRun(root, stage.split("@")[1], replace(STATE, stage=stage), load_params(ROOT / "params.yaml"))


def stored(root):
    """The runs of models, by the model."""
    client, experiment = connect(root)
    runs = client.search_runs([experiment], "tags.`emopipe.model` LIKE '%'")
    return {run.data.tags["emopipe.model"]: run for run in runs}


@pytest.mark.slow
def test_a_run_that_is_evaluated_later_lasts_as_long_as_its_training(root):
    with model_run(root, "train@cnn").start() as run:
        run.complete()
    ended = stored(root)["cnn"].info.end_time
    assert stored(root)["cnn"].info.run_name == f"cnn {STATE.shared_key[:7]}"
    with model_run(root, "train@cnn").resume() as run:
        run.set_tag(NOTE_TAG, "a note")
    found = stored(root)["cnn"]
    assert found.data.tags[NOTE_TAG] == "a note"
    assert (found.info.status, found.info.end_time) == ("FINISHED", ended)


@pytest.mark.slow
def test_the_experiment_has_a_description_a_kind_and_a_first_metric(root):
    client, experiment = connect(root)
    tags = client.get_experiment(experiment).tags
    assert tags["mlflow.note.content"].startswith("Facial emotion: one run per model")
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert tags["mlflow.experiment.primaryMetric.name"] == "val/macro_f1"
