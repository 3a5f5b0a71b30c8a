"""One MLflow run per model and state, found by a key; and one version in the registry per bundle."""

import hashlib
import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from emopipe.core.errors import ModelError, WorkspaceError
from emopipe.core.params import load_params
from emopipe.core.state import StageState, project_root, stage_state
from emopipe.export.runtime import Bundle
from emopipe.faces.png import encode_png
from emopipe.inference.model import open_model
from emopipe.tracking.naming import LIVE, own_params
from emopipe.tracking.registration import register
from emopipe.tracking.registry import bundle_digest
from emopipe.tracking.report import log_history, log_report
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import connect, tracking_uri
from projects import ROOT, environment, forking

PARAMS = load_params(ROOT / "params.yaml")
CLEAN, TRAIN = "build/clean.parquet", "build/train.parquet"
STATE = StageState(
    "train@cnn",
    {"train.epochs": 2},
    {CLEAN: "c" * 32, TRAIN: "d" * 32, "src/emopipe/training/train_model.py": "e" * 32},
)
OTHER = StageState("train@cnn", {"train.epochs": 3}, STATE.inputs)
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens there


@pytest.fixture(autouse=True)
def own_stores(tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.setenv(name, "")  # so that it is taken back, even if it was unset
        monkeypatch.delenv(name)
    for name in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / "dvc"))


@pytest.fixture(scope="module")
def new_store(tmp_path_factory) -> Path:
    """A folder with a store that has no run yet."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(root)
    return root


@pytest.fixture
def root(new_store, tmp_path) -> Path:
    """A folder with a copy of that store; its artifacts go where the first one's would go."""
    shutil.copy(new_store / "mlflow.db", tmp_path)
    return tmp_path


def model_run(root: Path, state: StageState = STATE, params=PARAMS, **more) -> ModelRun:
    return ModelRun(root, "cnn", state, params, **more)


def stored(root: Path) -> list:
    """All runs of models that are not deleted, the newest first."""
    client, experiment = connect(root)
    return client.search_runs([experiment], "tags.`emopipe.model` LIKE '%'")


def metrics(run) -> dict[str, float]:
    """The metrics of a run but those that only a machine can know."""
    return {name: value for name, value in run.data.metrics.items() if not name.startswith(LIVE)}


# The key of a state


@pytest.fixture
def workspace(tmp_path) -> Path:
    """A DVC project with the stage `learn`: one parameter, a file and a folder."""
    from dvc.repo import Repo

    root = tmp_path / "workspace"
    (root / "code").mkdir(parents=True)
    Repo.init(str(root), no_scm=True).close()
    stage = {"cmd": "true", "params": ["train.rate"], "deps": ["faces.csv", "code"]}
    (root / "dvc.yaml").write_text(json.dumps({"stages": {"learn": stage}}))
    (root / "params.yaml").write_text("train: {rate: 1, epochs: 2}")
    (root / "faces.csv").write_text("faces")
    (root / "code" / "a.py").write_text("a")
    return root


def test_the_state_of_a_stage_is_its_parameters_and_the_hashes_of_its_inputs(workspace):
    state = stage_state("learn", workspace)
    assert (state.stage, state.params) == ("learn", {"train.rate": 1})
    assert state.inputs["faces.csv"] == hashlib.md5(b"faces").hexdigest()
    assert state.inputs["code"].endswith(".dir")


@pytest.mark.parametrize(
    ("file", "content"), [("params.yaml", "train: {rate: 2}"), ("faces.csv", "other"), ("code/b.py", "")]
)
def test_the_key_changes_with_a_parameter_or_an_input(workspace, file, content):
    before = stage_state("learn", workspace).key
    (workspace / file).write_text(content)
    assert stage_state("learn", workspace).key != before


def test_the_key_does_not_change_with_anything_else(workspace, tmp_path):
    before = stage_state("learn", workspace).key
    (workspace / "params.yaml").write_text("train: {epochs: 9, rate: 1}")
    (workspace / "unrelated.csv").write_text("x")
    (workspace / "faces.csv").unlink()
    (workspace / "faces.csv").write_text("faces")
    assert stage_state("learn", workspace).key == before
    shutil.copytree(workspace, tmp_path / "elsewhere")
    assert stage_state("learn", tmp_path / "elsewhere").key == before


def test_two_stages_have_two_keys():
    assert STATE.key == replace(STATE).key
    assert len({STATE.key, OTHER.key, replace(STATE, stage="train@resnet18").key}) == 3


def test_an_unknown_stage_or_a_missing_input_is_one_line(workspace):
    with pytest.raises(
        WorkspaceError, match=r"^DVC fails, so the state of dance is unknown: [^\n]*'dance' not found[^\n]*$"
    ):
        stage_state("dance", workspace)
    (workspace / "faces.csv").unlink()
    with pytest.raises(WorkspaceError, match=r"^DVC fails, so the state of learn is unknown: [^\n]*faces.csv[^\n]*$"):
        stage_state("learn", workspace)


# The store


def test_the_store_is_at_the_root_of_the_project_unless_the_environment_names_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_root() == tmp_path
    assert tracking_uri(project_root()) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "parent"))  # as DVC sets it for an experiment in a temporary folder
    assert project_root() == tmp_path / "parent"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", CLOSED)
    assert tracking_uri(tmp_path) == CLOSED


@pytest.mark.slow
def test_the_experiment_is_made_once_with_its_artifacts_beside_the_store(new_store):
    client, experiment = connect(new_store)
    assert connect(new_store)[1] == experiment
    assert [found.name for found in client.search_experiments()] == ["emopipe", "Default"]
    assert client.get_experiment(experiment).artifact_location == (new_store / "mlartifacts").as_uri()


@pytest.mark.slow
def test_processes_can_create_the_store_together(tmp_path):
    code = "from pathlib import Path; from emopipe.tracking.store import connect; print(connect(Path.cwd())[1])"
    started = [
        subprocess.Popen(
            ["python", "-c", code],
            cwd=tmp_path,
            env=forking(tmp_path, PYTHONPATH=str(ROOT / "src")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    written = [process.communicate(timeout=120) for process in started]
    assert written == [("1\n", ""), ("1\n", "")]


# Runs


@pytest.mark.slow
def test_a_run_has_its_key_all_parameters_and_its_tables(root):
    with model_run(root).start():
        pass
    (run,) = stored(root)
    assert (run.info.run_name, run.info.status) == (f"cnn {STATE.shared_key[:7]}", "FINISHED")
    assert run.data.tags["emopipe.key"] == STATE.key
    assert run.data.params["model"] == "cnn"
    assert run.data.params["image.size"] == str(PARAMS.image.size)
    assert run.data.params["ingest.split_map.PublicTest"] == "val"
    data_sets = {(item.dataset.name, item.dataset.digest, item.tags[0].value) for item in run.inputs.dataset_inputs}
    assert data_sets == {(CLEAN, "c" * 32, "evaluation"), (TRAIN, "d" * 32, "training")}


@pytest.mark.slow
def test_more_parameters_than_one_call_takes_are_all_kept(root):
    names = [f"part {number} (of many)" for number in range(150)]
    many = replace(PARAMS, ingest=replace(PARAMS.ingest, split_map=dict.fromkeys(names, "train")))
    with model_run(root, params=many).start():
        pass
    (run,) = stored(root)
    assert sum(name.startswith("ingest.split_map.part ") for name in run.data.params) == 150


@pytest.mark.slow
def test_a_state_that_has_finished_keeps_its_run_when_it_is_trained_again(root):
    for loss in (1.0, 2.0):
        with model_run(root).start() as run:
            run.log_metrics({"epoch/val_loss": loss}, step=1)
            run.complete()
    assert [metrics(run) for run in stored(root)] == [{"epoch/val_loss": 1.0}]


@pytest.mark.slow
def test_starting_again_replaces_what_did_not_finish_and_no_other_state(root):
    with pytest.raises(ValueError), model_run(root).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        raise ValueError
    for state in (OTHER, STATE):
        with model_run(root, state).start():
            pass
    runs = {run.data.tags["emopipe.key"]: run for run in stored(root)}
    assert set(runs) == {STATE.key, OTHER.key}
    assert (runs[STATE.key].info.status, metrics(runs[STATE.key])) == ("FINISHED", {})


@pytest.mark.slow
def test_a_later_stage_that_fails_does_not_change_how_the_training_ended(root):
    with model_run(root).start() as run:
        run.complete()
    with pytest.raises(ValueError), model_run(root).resume():
        raise ValueError
    assert [run.info.status for run in stored(root)] == ["FINISHED"]


@pytest.mark.slow
def test_a_run_that_lost_its_store_on_the_way_is_made_anew_from_the_outs(root, monkeypatch):
    with model_run(root).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run._index = None  # gone
        run.complete()
    with model_run(root).resume() as run:
        assert run.is_new
    assert [metrics(found) for found in stored(root)] == [{}]


@pytest.mark.slow
def test_a_missing_run_is_one_line(root):
    with pytest.raises(
        WorkspaceError, match=r"^MLflow has no run of cnn in this state: run `emopipe sync`, then `dvc repro`$"
    ):
        model_run(root).find()


@pytest.mark.slow
def test_a_deleted_experiment_is_restored(root):
    client, experiment = connect(root)
    client.delete_experiment(experiment)
    with model_run(root).start():
        pass
    assert len(stored(root)) == 1


@pytest.mark.slow
def test_resuming_continues_the_run_of_the_state(root):
    with model_run(root).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.complete()
    with model_run(root).resume() as run:
        assert not run.is_new
        run.log_metrics({"test/accuracy": 0.5})
    with model_run(root, OTHER).resume() as run:
        assert run.is_new
    newest, first = stored(root)
    assert newest.data.tags["emopipe.key"] == OTHER.key
    assert metrics(first) == {"epoch/val_loss": 1.0, "test/accuracy": 0.5}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")]
)
def test_a_run_ends_as_failed_or_killed(root, error, status):
    with pytest.raises(error), model_run(root).start():
        raise error
    assert [run.info.status for run in stored(root)] == [status]


STAGE = """
import time
from pathlib import Path
from emopipe.core.params import Params
from emopipe.core.stage import run_stage
from emopipe.core.state import StageState
from emopipe.tracking.runs import ModelRun

def main(params: Params):
    with ModelRun(Path.cwd(), "cnn", StageState("train@cnn", {}, {}), params).start():
        print("started", flush=True)
        time.sleep(60)

run_stage(main)
"""


@pytest.mark.slow
def test_a_stage_that_is_stopped_leaves_its_run_as_killed(root):
    (root / "train.py").write_text(STAGE)
    shutil.copy(ROOT / "params.yaml", root)
    own = environment(root, PYTHONPATH=str(ROOT / "src"))
    process = subprocess.Popen(["python", "train.py"], cwd=root, env=own, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    assert [run.info.status for run in stored(root)] == ["RUNNING"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert [run.info.status for run in stored(root)] == ["KILLED"]


@pytest.mark.slow
def test_metrics_are_finite(root):
    with model_run(root).start() as run:
        run.log_metrics({"a": float("nan"), "b": float("inf"), "c": 1.0})
    assert stored(root)[0].data.metrics == {"c": 1.0}


@pytest.mark.slow
def test_a_class_with_any_name_has_its_metrics(root):
    with model_run(root).start() as run:
        run.log_metrics({"test/recall/Überraschung": 0.5, "test/recall/contempt (mild)": 0.25})
    assert stored(root)[0].data.metrics == {"test/recall/Überraschung": 0.5, "test/recall/contempt _mild_": 0.25}


@pytest.mark.slow
def test_a_report_becomes_metrics_by_split_and_class_and_a_matrix(root):
    overall = {"accuracy": 0.5, "balanced_accuracy": 0.6, "macro_f1": 0.7}
    overall |= {"ece": 0.1, "classwise_ece": 0.05, "nll": 1.5}
    per_class = {"happy": {"precision": 1.0, "recall": 0.5, "f1": 0.66, "support": 2}}
    split = {**overall, "per_class": per_class, "confusion": [[1, 1], [0, 0]], "num_faces": 2}
    split |= {"accuracy_ci": [0.1, 0.9], "macro_f1_ci": [0.2, 0.8]}
    report = {"model": "cnn", "classes": ["happy", "sad"], "val": split, "test": split | {"accuracy": 0.4}}
    with model_run(root).start() as run:
        log_report(run, report, CLEAN)
    (run,) = stored(root)
    assert (run.data.metrics["val/accuracy"], run.data.metrics["test/accuracy"]) == (0.5, 0.4)
    assert run.data.metrics["test/recall/happy"] == 0.5
    assert (run.data.metrics["test/accuracy_low"], run.data.metrics["test/accuracy_high"]) == (0.1, 0.9)
    assert len(metrics(run)) == 2 * (6 + 2 * 2 + 3)
    note = run.data.tags["mlflow.note.content"]
    assert "| accuracy | 0.500 (0.100 to 0.900) | 0.400 (0.100 to 0.900) |" in note
    assert "| happy | 2 | 1.000 | 0.500 | 0.660 |" in note
    assert note.startswith("## cnn\n\n")
    path = connect(root)[0].download_artifacts(run.info.run_id, "test_confusion.json", str(root))
    expected = {"classes": ["happy", "sad"], "rows": "truth", "confusion": [[1, 1], [0, 0]]}
    assert json.loads(Path(path).read_text()) == expected


@pytest.mark.slow
def test_metrics_name_their_data_set(root):
    with model_run(root).start() as run:
        run.log_model_metrics({"test/accuracy": 0.5}, CLEAN)
    with model_run(root, OTHER).start() as run:
        run.log_model_metrics({"test/accuracy": 0.7}, CLEAN)
    client, experiment = connect(root)
    here = [{"dataset_name": CLEAN, "dataset_digest": "c" * 32}]
    best = client.search_logged_models(
        [experiment], order_by=[{"field_name": "metrics.test/accuracy", "ascending": False} | here[0]], datasets=here
    )
    assert [(model.source_run_id, model.metrics[0].value) for model in best] == [
        (run.info.run_id, value) for run, value in zip(stored(root), (0.7, 0.5), strict=True)
    ]


@pytest.mark.slow
def test_a_history_becomes_one_step_per_epoch(root):
    with model_run(root).start() as run:
        log_history(run, pd.DataFrame({"epoch": [1, 2], "val_loss": [0.9, 0.7], "val_accuracy": [0.1, 0.2]}))
    client = connect(root)[0]
    history = client.get_metric_history(stored(root)[0].info.run_id, "epoch/val_loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.9), (2, 0.7)]
    assert next(iter(stored(root)[0].data.metrics)) == "epoch/val_accuracy", "MLflow's comparison opens with it"


# A store that cannot be used


def test_a_store_that_is_down_is_one_line_and_nothing_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", CLOSED)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with model_run(tmp_path).start() as run:
        run.log_metrics({"a": 1.0})
        run.log_json({}, "b.json")
        run.log_artifacts(tmp_path, "c")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("MLflow cannot be reached, so cnn goes on unlogged (")
    with pytest.raises(WorkspaceError, match=r"^MLflow cannot be reached: check MLFLOW_TRACKING_URI, then run `dvc"):
        model_run(tmp_path).find()


@pytest.mark.slow
def test_a_store_that_goes_down_later_is_one_line(root, monkeypatch, capsys):
    def refuse(*_, **__):
        raise ConnectionError("gone\nfor lunch")

    with model_run(root).start() as run:
        run.log_metrics({"a": 1.0}, step=1)
        monkeypatch.setattr(run.connection()[0], "log_batch", refuse)
        run.log_metrics({"a": 2.0}, step=2)
        run.log_metrics({"a": 3.0}, step=3)
    assert capsys.readouterr().err == "MLflow cannot be reached, so cnn goes on unlogged (gone for lunch)\n"
    assert stored(root)[0].data.metrics == {"a": 1.0}


# The registry


def make_bundle(folder: Path, weight: float) -> Path:
    """An exported model of two classes that looks at the mean brightness."""
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),  # (N, 1)
        helper.make_node("MatMul", ["mean", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "h", "w", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
            numpy_helper.from_array(np.array([[weight, -weight]], np.float32), "weight"),
        ],
    )
    folder.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    (folder / "model.json").write_text(json.dumps({"classes": ["bright", "dark"], "image_channels": 1}))
    return folder


def test_the_digest_of_a_bundle_is_that_of_its_names_and_bytes(tmp_path):
    first = make_bundle(tmp_path / "first", 0.1)
    assert bundle_digest(make_bundle(tmp_path / "same", 0.1)) == bundle_digest(first)
    assert bundle_digest(make_bundle(tmp_path / "other", 0.2)) != bundle_digest(first)
    before = bundle_digest(first)
    (first / "model.json").rename(first / "renamed.json")
    assert bundle_digest(first) != before
    with pytest.raises(ModelError, match=r"^nowhere holds no exported model: run `dvc repro export`$"):
        bundle_digest(Path("nowhere"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_each_bundle_has_one_version_and_the_champion_stays(root):
    example = encode_png(np.full((4, 4, 1), 200, np.uint8))
    first, second = make_bundle(root / "first", 0.1), make_bundle(root / "second", 0.2)
    client = connect(root)[0]

    def register_one(bundle: Path, **tags: str) -> tuple[str, dict]:
        with model_run(root).resume() as run:
            done = register(bundle, run, example, {"emopipe.model": "cnn"} | tags)
        return done.version, client.get_registered_model("emopipe").aliases

    assert register_one(first) == ("1", {"champion": 1})
    assert register_one(first) == ("1", {"champion": 1})
    assert register_one(second) == ("2", {"challenger": 2, "champion": 1})
    client.set_registered_model_alias("emopipe", "champion", "2")
    assert register_one(first) == ("1", {"challenger": 2, "champion": 2})
    versions = client.search_model_versions("name = 'emopipe'")
    assert {version.tags["emopipe.bundle"] for version in versions} == {bundle_digest(first), bundle_digest(second)}
    assert len(versions) == 2
    assert len(stored(root)) == 1
    for speed in ("1.5", "9.9"):
        register_one(first, speed=speed)
    assert client.get_model_version("emopipe", "1").tags["speed"] == "1.5", "what a version has already stays"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_the_challenger_is_a_new_version_no_worse_on_validation_outside_experiments(root, monkeypatch):
    example, client = encode_png(np.full((4, 4, 1), 200, np.uint8)), connect(root)[0]

    def aliases_after(number: int, score: str, **tags: str) -> tuple[dict, str]:
        with model_run(root).resume() as run:
            tags |= {"val/macro_f1": score}
            done = register(make_bundle(root / str(number), number / 10), run, example, tags)
        return client.get_registered_model("emopipe").aliases, done.note

    chance = {"emopipe.better_than_chance": "false"}
    neither = "no champion and no challenger, as it is not better than chance on validation"
    assert aliases_after(1, "0.9000", **chance) == ({}, neither)
    assert aliases_after(2, "0.5000") == ({"champion": 2}, "the champion, as there was none")
    worse = "no challenger, as val/macro_f1 is 0.4999, and 0.5000 for the champion, version 2"
    assert aliases_after(3, "0.4999") == ({"champion": 2}, worse)
    assert aliases_after(4, "0.5000") == ({"champion": 2, "challenger": 4}, "the challenger")
    monkeypatch.setenv("DVC_EXP_NAME", "wide")
    assert aliases_after(5, "0.9000") == ({"champion": 2, "challenger": 4}, "no alias moves in a DVC experiment")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_a_run_has_one_logged_model_which_takes_the_files_of_its_bundle(root):
    example = encode_png(np.full((4, 4, 1), 200, np.uint8))
    first, second = make_bundle(root / "first", 0.1), make_bundle(root / "second", 0.2)
    with model_run(root).start() as run:
        run.complete()
        run.log_model_metrics({"test/accuracy": 0.5}, CLEAN)
        client, run_id = run.connection()
    (compared,) = logged_models(root)
    assert (compared.name, compared.model_type, compared.tags) == (
        "cnn",
        "classifier",
        {"mlflow.model.isExternal": "true"},
    )
    with model_run(root).resume() as run:
        register(first, run, example, {"emopipe.model": "cnn"})
    (registered,) = logged_models(root)
    assert (registered.model_id, registered.model_type, registered.status) == (
        compared.model_id,
        "classifier",
        "READY",
    )
    assert registered.tags == {"emopipe.bundle": bundle_digest(first)}, "it is no longer external"
    assert [metric.value for metric in registered.metrics] == [0.5]
    assert [output.model_id for output in client.get_run(run_id).outputs.model_outputs] == [compared.model_id]
    version = client.get_model_version("emopipe", "1")
    assert (version.source, version.run_id) == (f"models:/{compared.model_id}", run_id)

    client.delete_model_version("emopipe", "1")
    with model_run(root).resume() as run:
        register(first, run, example, {"emopipe.model": "cnn"})
        register(second, run, example, {"emopipe.model": "cnn"})
    again, other = client.get_model_version("emopipe", "2"), client.get_model_version("emopipe", "3")
    assert again.source == version.source
    assert other.source != version.source, "a version keeps its files"
    assert {model.model_type for model in logged_models(root)} == {"classifier"}
    assert [[metric.value for metric in model.metrics] for model in logged_models(root)] == [[0.5], [0.5]]
    assert len(client.get_metric_history(run_id, "test/accuracy")) == 1, "the run has them once"


def logged_models(root: Path) -> list:
    client, experiment = connect(root)
    return client.search_logged_models([experiment])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_a_registered_version_is_opened_by_its_name(root, monkeypatch):
    bundle, example = make_bundle(root / "first", 0.1), encode_png(np.full((4, 4, 1), 200, np.uint8))
    with model_run(root).resume() as run:
        register(bundle, run, example, {"emopipe.model": "cnn"})
    monkeypatch.setenv("DVC_ROOT", str(root))
    opened = open_model("models:/emopipe@champion")
    assert opened.classes == ("bright", "dark")
    assert opened.predict_encoded([example]) == pytest.approx(Bundle(bundle).predict_encoded([example]))
    line = r"^models:/emopipe@nobody is not in sqlite:\S+ \([^\n]+\): run `dvc repro register`, or name another$"
    with pytest.raises(ModelError, match=line):
        open_model("models:/emopipe@nobody")


def test_a_run_has_the_recipe_of_its_own_model():
    train = {"epochs": 8, "augment": {"flip": True, "shift": 0.1}, "pretrained": {"a": "hub", "b": "imagenet"}}
    overrides = {"a": {"epochs": 16, "augment": {"shift": 0.0}}, "b": {"epochs": 4}}
    params = {"train": train | {"overrides": overrides}, "ensembles": {"all": ["a", "b"]}}
    own = {"epochs": 16, "augment": {"flip": True, "shift": 0.0}, "pretrained": {"a": "hub"}, "overrides": {}}
    assert own_params(params, "a")["train"] == own
    assert own_params(params, "c")["train"] == train | {"pretrained": {}, "overrides": {}}
    assert own_params(params, "all") == params
