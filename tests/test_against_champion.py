"""What the run of a model says of it and the champion, and what a version shows beside its answers."""

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
from emopipe.tracking.champion_comparison import against_champion
from emopipe.tracking.evidence import evidence_of, evidence_tags
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.registry import register
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


def said(letters, truth=TRUTH, times=30):
    return predict(truth, letters, times=times)


def against(root, model, predictions):
    """As the stage evaluate asks, in the run of `model`."""
    with ModelRun(root, model, StageState(f"train@{model}", {}, {"build/clean.parquet": "c" * 32}), PARAMS) as run:
        return against_champion(run.resume(), model, predictions, PARAMS)


def test_a_run_says_how_its_model_differs_from_the_champion(root):
    add_version(root, "cnn", said(OLD))
    found = against(root, "resnet18", said(NEW))
    assert re.fullmatch(
        r"Against the champion, version 1: macro-F1 \+0\.\d{3} \(\+0\.\d{3} to \+0\.\d{3}\), better\.", found.headline
    )
    assert found.details.startswith("## B = resnet18 against A = version 1, the champion, on 360 test faces\n\n")
    assert "| accuracy | 0.583 | 0.917 | **+0.333** |" in found.details
    assert found.tags == {"emopipe.champion": "version 1", "emopipe.against_champion": "better"}


def test_the_run_of_the_champion_says_that_it_is(root):
    add_version(root, "cnn", said(OLD))
    found = against(root, "cnn", said(OLD))
    assert (found.headline, found.details) == ("This run is of the champion, version 1.", "")


def test_without_a_champion_or_on_other_faces_the_run_says_so(root):
    assert against(root, "cnn", said(OLD)).headline == "There is no champion yet."
    add_version(root, "old", said(OLD))
    found = against(root, "cnn", said("hs", truth="hs"))
    assert found.headline.startswith("version 1, the champion was evaluated on 360 test faces (")
    assert found.tags["emopipe.against_champion"] == "not comparable"


def test_a_champion_that_cannot_be_read_costs_the_comparison_alone(root):
    add_version(root, "old", None)
    found = against(root, "cnn", said(OLD))
    assert found.says.startswith("The champion could not be read (run ")
    assert found.tags == {}


def test_a_store_that_is_down_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert against(tmp_path, "cnn", said(OLD)).says.startswith("The champion could not be read (")


# Evidence


def test_the_tags_of_a_version_are_the_figures_of_its_export():
    tags = evidence_tags(PARITY, LIMITS, 1.2345)
    assert tags == {
        "emopipe.parity_passed": "true",
        "emopipe.parity_agreement": "1.0000",
        "emopipe.parity_max_difference": "2e-05",
        "emopipe.int8_kept": "true",
        "emopipe.int8_agreement": "0.9850",
        "emopipe.int8_max_difference": "2e-05",
        "emopipe.int8_f1_loss": "0.0000",
        "emopipe.latency_ms": "1.234",
    }


@pytest.mark.parametrize("worse", [{"agreement": 0.999}, {"max_probability_difference": 0.5}])
def test_parity_holds_only_where_both_ways_of_use_keep_it(worse):
    parity = PARITY | {"onnx_one_by_one": FIGURES | worse}
    assert evidence_tags(parity, LIMITS, 1.0)["emopipe.parity_passed"] == "false"


def test_what_a_version_shows_is_read_from_its_tags(root):
    add_version(root, "cnn", said(OLD), **evidence_tags(PARITY, LIMITS, 1.25))
    client, _ = connect(root)
    evidence = evidence_of(client.get_model_version("emopipe", "1"))
    assert (evidence.parity_passed, evidence.latency_ms) == (True, 1.25)
    client.delete_model_version_tag("emopipe", "1", "emopipe.parity_passed")
    with pytest.raises(WorkspaceError, match=r"^version 1 has no emopipe\.parity_passed: in its state of the project"):
        evidence_of(client.get_model_version("emopipe", "1"))


def test_the_latency_of_a_bundle_is_a_time(tmp_path):
    picture = encode_png(np.full((4, 4, 1), 200, np.uint8))
    assert 0 < latency_ms(make_bundle(tmp_path / "bundle", 0.1), picture) < 1000


# Evaluated again


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_a_version_is_evaluated_again_on_the_faces_of_now(root, monkeypatch, capsys):
    faces = faces_of(*(f"{split} {label} {label}{split}" for split in ("val", "test") for label in ("bright", "dark")))
    write_parquet(root / "build/clean.parquet", faces_to_arrow(faces))
    run_id = add_run(root, "cnn", said(OLD))
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


def test_a_version_that_is_not_there_is_not_evaluated(root, monkeypatch):
    write_parquet(root / "build/clean.parquet", faces_to_arrow(faces_of("test happy A")))
    monkeypatch.setattr(sys, "argv", ["emopipe", "reevaluate", "7"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == "emopipe: no model is registered: run `dvc repro`"
