"""The comparison of a run with the champion, and the evidence of a version."""

import re
import sys

import numpy as np
import pytest

from emopipe.cli import app as cli
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_parquet
from emopipe.core.params import load_params
from emopipe.core.state import StageState
from emopipe.export.latency import latency_ms
from emopipe.faces.png import encode_png
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.champion_comparison import compare_with_champion
from emopipe.tracking.evidence import evidence_of, evidence_tags
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.registration import register
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import connect
from face_tables import faces_of
from predicted import predict
from projects import ROOT
from registries import PARAMS, add_run, add_version, copy_store, new_store
from test_tracking import make_bundle

TRUTH, OLD, NEW = "hhhhhhssssff", "hhhhsfsshhfs", "hhhhhhsssshf"
LIMITS = load_params(ROOT / "params.yaml").export
FIGURES = {"agreement": 1.0, "max_probability_difference": 2e-5, "macro_f1_loss": 0.0}
PARITY = {"onnx": FIGURES, "onnx_one_by_one": FIGURES, "int8": FIGURES | {"agreement": 0.985, "kept": True}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return new_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def root(store, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    return copy_store(store, tmp_path)


def predictions(letters, truth=TRUTH, times=30):
    return predict(truth, letters, times=times)


def compared(root, model, found):
    """As in the stage evaluate, in the run of `model`."""
    with ModelRun(root, model, StageState(f"train@{model}", {}, {"build/clean.parquet": "c" * 32}), PARAMS) as run:
        return compare_with_champion(run.resume(), model, found, PARAMS)


@pytest.mark.slow
def test_a_model_is_compared_with_the_champion(root):
    add_version(root, "cnn", predictions(OLD))
    found = compared(root, "resnet18", predictions(NEW))
    assert re.fullmatch(
        r"Compared with the champion, version 1: macro-F1 \+0\.\d{3} \(\+0\.\d{3} to \+0\.\d{3}\), better\.",
        found.headline,
    )
    assert found.details.startswith("## B = resnet18 against A = version 1, the champion, on 360 test faces\n\n")
    assert "| accuracy | 0.583 | 0.917 | **+0.333** |" in found.details
    assert found.tags == {"emopipe.champion": "version 1", "emopipe.against_champion": "better"}


@pytest.mark.slow
def test_the_champion_is_not_compared_with_itself(root):
    add_version(root, "cnn", predictions(OLD))
    found = compared(root, "cnn", predictions(OLD))
    assert (found.headline, found.details) == ("This is the run of the champion, version 1.", "")


@pytest.mark.slow
def test_without_a_champion_or_on_other_faces_there_is_a_message(root):
    assert compared(root, "cnn", predictions(OLD)).headline == "There is no champion yet."
    add_version(root, "old", predictions(OLD))
    found = compared(root, "cnn", predictions("hs", truth="hs"))
    assert found.headline.startswith("version 1, the champion was evaluated on 360 test faces (")
    assert found.tags["emopipe.against_champion"] == "not comparable"


@pytest.mark.slow
def test_a_champion_without_predictions_gives_a_message(root):
    add_version(root, "old", None)
    found = compared(root, "cnn", predictions(OLD))
    assert found.headline.startswith("The champion could not be read (run ")
    assert found.tags == {}


def test_a_store_that_is_down_gives_a_message(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert compared(tmp_path, "cnn", predictions(OLD)).headline.startswith("The champion could not be read (")


# Evidence


def test_the_tags_of_a_version_are_the_metrics_of_its_export():
    tags = evidence_tags({"parity": PARITY, "better_than_chance": False}, LIMITS, 1.2345)
    assert tags == {
        "emopipe.parity_passed": "true",
        "emopipe.parity_agreement": "1.0000",
        "emopipe.parity_max_difference": "2e-05",
        "emopipe.int8_kept": "true",
        "emopipe.int8_agreement": "0.9850",
        "emopipe.int8_max_difference": "2e-05",
        "emopipe.int8_f1_loss": "0.0000",
        "emopipe.latency_ms": "1.234",
        "emopipe.better_than_chance": "false",
    }


@pytest.mark.parametrize("worse", [{"agreement": 0.999}, {"max_probability_difference": 0.5}])
def test_parity_must_hold_batched_and_one_by_one(worse):
    parity = PARITY | {"onnx_one_by_one": FIGURES | worse}
    assert evidence_tags({"parity": parity}, LIMITS, 1.0)["emopipe.parity_passed"] == "false"


@pytest.mark.slow
def test_the_evidence_of_a_version_is_read_from_its_tags(root):
    add_version(root, "cnn", predictions(OLD), **evidence_tags({"parity": PARITY}, LIMITS, 1.25))
    client, _ = connect(root)
    evidence = evidence_of(client.get_model_version("emopipe", "1"))
    assert (evidence.parity_passed, evidence.latency_ms, evidence.better_than_chance) == (True, 1.25, True)
    client.delete_model_version_tag("emopipe", "1", "emopipe.parity_passed")
    with pytest.raises(WorkspaceError, match=r"^version 1 has no emopipe\.parity_passed: in its state of the project"):
        evidence_of(client.get_model_version("emopipe", "1"))


def test_the_latency_of_a_bundle_is_a_time(tmp_path):
    picture = encode_png(np.full((4, 4, 1), 200, np.uint8))
    assert 0 < latency_ms(make_bundle(tmp_path / "bundle", 0.1), picture) < 1000


# Evaluated again


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_a_version_is_evaluated_on_the_present_faces(root, monkeypatch, capsys):
    faces = faces_of(*(f"{split} {label} {label}{split}" for split in ("val", "test") for label in ("bright", "dark")))
    write_parquet(root / "build/clean.parquet", faces_to_arrow(faces))
    run_id = add_run(root, "cnn", predictions(OLD))
    state = StageState("train@cnn", {}, {"build/clean.parquet": "c" * 32})
    with ModelRun(root, "cnn", state, PARAMS).find() as run:
        register(make_bundle(root / "exports", 0.1), run, faces.frame["png"][0], {})
    monkeypatch.setattr(sys, "argv", ["emopipe", "reevaluate", "champion"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
    first, later = predictions_of_run(connect(root)[0], run_id)
    assert (first.classes, later.classes) == (("happy", "sad", "fear"), ("bright", "dark"))
    assert list(later.frame["id"]) == list(faces.frame["id"])
    assert capsys.readouterr().out.splitlines()[-1].startswith("version 1 on 2 test faces (")


@pytest.mark.slow
def test_an_unknown_version_is_not_evaluated(root, monkeypatch):
    write_parquet(root / "build/clean.parquet", faces_to_arrow(faces_of("test happy A")))
    monkeypatch.setattr(sys, "argv", ["emopipe", "reevaluate", "7"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == "emopipe: no model is registered: run `dvc repro`"
