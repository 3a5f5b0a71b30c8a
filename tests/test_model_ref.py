"""The models that `emopipe compare` takes: runs, versions, revisions, experiments, and the workspace."""

import json
import shutil

import pytest
import yaml

from emopipe.compare.compare_models import compare_models, find_images
from emopipe.compare.model_ref import find_model, flat_params
from emopipe.core.errors import DataError, WorkspaceError
from emopipe.core.files import write_parquet
from emopipe.evaluate.pairing import digest_of_test_faces
from emopipe.faces.predictions import Predictions, predictions_to_arrow
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.prediction_store import PREDICTIONS, predictions_of_run
from emopipe.tracking.store import connect
from face_tables import faces_of
from predicted import NAMES, predict
from projects import ROOT, change_params, run, succeed
from registries import PARAMS, add_run, add_version, copy_store, new_store

FACES = faces_of(*(f"test {NAMES[letter]} {letter}{number}" for number, letter in enumerate("hhssff")))
HERE = {"PYTHONPATH": str(ROOT / "src")}
STAGES = """
stages:
  train:
    matrix: {model: [cnn]}
    cmd: cp build/train.parquet ${item.model}.txt
    params: [train.epochs]
    deps: [build/clean.parquet, build/train.parquet]
    outs:
      - ${item.model}.txt
  evaluate:
    matrix: {model: [cnn]}
    cmd: mkdir -p build/predictions && cp answers.parquet build/predictions/${item.model}.parquet
    params: [train.epochs]
    deps: [answers.parquet]
    outs:
      - build/predictions/${item.model}.parquet
"""


def said(letters: str) -> Predictions:
    """Answers to the pictures of `FACES`, which are of test."""
    predictions = predict("hhssff", letters).split("test")
    return Predictions(predictions.frame.assign(id=FACES.frame["id"]), predictions.classes)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return new_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def root(store, tmp_path, monkeypatch):
    """A project whose workspace was evaluated, without git or DVC."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    copy_store(store, tmp_path)
    write_parquet(tmp_path / "build/predictions/cnn.parquet", predictions_to_arrow(said("hhssff")))
    deps = [{"path": f"build/{name}.parquet", "md5": name[0] * 32} for name in ("clean", "train")]
    stages = {"train@cnn": {"deps": [*deps, {"path": "src/emopipe/training/train_model.py", "md5": "x"}]}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    return tmp_path


def refuses(root, name) -> str:
    with pytest.raises(WorkspaceError) as error:
        find_model(root, name)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
def test_a_model_of_the_workspace_has_its_predictions_parameters_and_tables(root):
    found = find_model(root, "workspace:cnn")
    assert found.name == "workspace:cnn"
    assert digest_of_test_faces(found.predictions[0]) == digest_of_test_faces(said("hhssff"))
    assert (found.params["model"], found.params["train.epochs"]) == ("cnn", str(PARAMS.train.epochs))
    assert found.data == {"clean": "c" * 32, "train": "t" * 32}


@pytest.mark.slow
def test_an_ensemble_of_the_workspace_is_found_too(root):
    change_params(root, ensembles={"all": ["cnn", "resnet18"]})
    write_parquet(root / "build/ensembles/all.parquet", predictions_to_arrow(said("hhssfh")))
    assert find_model(root, "workspace:all").params["model"] == "all"


@pytest.mark.slow
def test_a_model_that_was_not_evaluated_is_one_line(root):
    assert refuses(root, "workspace:vgg") == (
        "workspace:vgg has no build/predictions/vgg.parquet: run `dvc pull`, or `dvc repro evaluate@vgg`"
    )


@pytest.mark.slow
def test_a_run_has_its_predictions_parameters_and_tables(root):
    run_id = add_run(root, "cnn", said("hhssff"))
    found = find_model(root, run_id)
    assert found.name == f"run {run_id[:8]} (cnn)"
    assert found.data == {"clean": "c" * 32}
    client, _ = connect(root)
    assert client.get_run(run_id).data.tags["emopipe.test_faces"] == digest_of_test_faces(said("hhssff"))
    (kept,) = predictions_of_run(client, run_id)
    assert kept.frame.equals(said("hhssff").frame)
    assert PREDICTIONS in [item.path for item in client.list_artifacts(run_id)]


@pytest.mark.slow
def test_a_run_and_the_workspace_with_the_same_parameters_do_not_differ_in_them(root):
    run_id = add_run(root, "cnn", said("hhssff"))
    parts, _ = compare_models(root, find_model(root, run_id), find_model(root, "workspace:cnn"), PARAMS)
    assert [part.rows for part in parts if part.key == "params"] == [()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1", "models:/emopipe/1", "models:/emopipe@champion"])
def test_a_version_is_found_by_its_number_or_an_alias(root, name):
    add_version(root, "cnn", said("hhssff"))
    add_version(root, "resnet18", said("hhsshh"))
    assert find_model(root, name).name == "version 1 (cnn)"


@pytest.mark.slow
def test_a_version_or_run_that_is_not_there_is_one_line(root):
    assert refuses(root, "3") == "no model is registered: run `dvc repro`"
    add_version(root, "cnn", said("hhssff"))
    line = "emopipe has no version best: expected one of 1, challenger, champion"
    assert refuses(root, "models:/emopipe@best") == line
    line = "MLflow fails, so the models cannot be compared: check mlflow.db ("
    assert refuses(root, "0" * 32).startswith(line)


def test_numbers_and_lists_are_equal_however_they_are_written():
    assert flat_params({"a": {"b": 12, "c": [1, 2]}, "d": None, "e": True}) == flat_params(
        {"a.b": "12.0", "a.c": "(1, 2)", "d": "None", "e": "True"}
    )
    assert flat_params({"models": ["cnn"], "train": {"epochs": 3}, "ensembles": {"all": ["cnn"]}}) == {
        "train.epochs": "3"
    }


@pytest.mark.slow
def test_other_test_faces_are_refused_whatever_holds_them(root):
    run_id = add_run(root, "cnn", predict("hs", "hs"))
    with pytest.raises(
        DataError, match=r"^run \w{8} \(cnn\) was evaluated on 2 test faces \(\w{8}\), but workspace:cnn "
    ):
        compare_models(root, find_model(root, run_id), find_model(root, "workspace:cnn"), PARAMS)


@pytest.mark.slow
def test_pictures_are_taken_from_the_table_of_the_workspace(root):
    write_parquet(root / "build/clean.parquet", faces_to_arrow(FACES))
    ids = list(FACES.frame["id"][[4, 1]])
    assert find_images(root, ids, ()) == dict(zip(ids, FACES.frame["png"][[4, 1]], strict=True))


@pytest.mark.slow
def test_the_comparison_is_written_and_printed(root):
    write_parquet(root / "build/clean.parquet", faces_to_arrow(FACES))
    write_parquet(root / "build/predictions/vgg.parquet", predictions_to_arrow(said("hhsshh")))
    (root / "page").mkdir()
    (root / "page" / "mine.txt").write_text("mine")
    out = succeed(root, "emopipe", "compare", "workspace:cnn", "workspace:vgg", "--out", "page", **HERE)
    assert out.startswith("B = workspace:vgg against A = workspace:cnn, on 6 test faces\n")
    assert out.endswith("\nfaces that flipped, with their pictures: page/index.html\n")
    assert {path.name for path in (root / "page").iterdir()} == {"index.html", "comparison.md", "mine.txt"}
    assert (root / "page" / "index.html").read_text().count('<img src="data:image/png;base64,') == 2
    assert "| model | cnn | vgg |" in (root / "page" / "comparison.md").read_text()


@pytest.mark.slow
def test_a_comparison_that_cannot_be_made_is_one_line(root):
    done = run(root, "emopipe", "compare", "workspace:cnn", "workspace:vgg", **HERE)
    line = "emopipe: workspace:vgg has no build/predictions/vgg.parquet: run `dvc pull`, or `dvc repro evaluate@vgg`\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


# Revisions and experiments


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A commit `first` and an experiment `trial`, whose answers differ; the workspace has changed since."""
    root = tmp_path_factory.mktemp("git") / "project"
    root.mkdir()
    shutil.copy(ROOT / "params.yaml", root)
    change_params(root, models=["cnn"])
    (root / "dvc.yaml").write_text(STAGES)
    write_parquet(root / "build/clean.parquet", faces_to_arrow(FACES))
    write_parquet(root / "build/train.parquet", faces_to_arrow(FACES))
    write_parquet(root / "answers.parquet", predictions_to_arrow(said("hhssff")))
    (root / "reports").mkdir()
    (root / "reports/export.json").write_text(json.dumps({"model": "cnn"}))
    succeed(root, "git", "init", "--quiet")
    for name, value in {"user.name": "a", "user.email": "a@localhost"}.items():
        succeed(root, "git", "config", name, value)
    succeed(root, "dvc", "init", "--quiet")
    succeed(root, "dvc", "add", "--quiet", "build/clean.parquet")
    succeed(root, "dvc", "repro", "--quiet")
    succeed(root, "git", "add", "--all")
    succeed(root, "git", "commit", "--quiet", "--message", "first")
    succeed(root, "git", "tag", "first")
    write_parquet(root / "answers.parquet", predictions_to_arrow(said("hhsshh")))
    succeed(root, "dvc", "exp", "run", "--quiet", "--name", "trial", "--set-param", "train.epochs=9")
    shutil.rmtree(root / "build/predictions")
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "letters", "epochs"),
    [("first:cnn", "hhssff", "8"), ("first", "hhssff", "8"), ("trial:cnn", "hhsshh", "9")],
)
def test_a_revision_or_an_experiment_has_what_was_committed(repository, name, letters, epochs):
    found = find_model(repository, name)
    assert found.predictions[0].frame.equals(said(letters).frame)
    assert (found.params["train.epochs"], set(found.data)) == (epochs, {"clean", "train"})
    assert found.name == (name if ":" in name else f"{name}:cnn")


@pytest.mark.slow
def test_a_revision_that_is_not_there_or_whose_outs_are_gone_is_one_line(repository, tmp_path):
    assert refuses(repository, "nowhere:cnn") == (
        "nowhere is no MLflow run, no version, no git revision and no DVC experiment (unknown Git revision 'nowhere'): "
        "see `emopipe compare --help`"
    )
    clone = tmp_path / "clone"
    succeed(repository, "git", "clone", "--quiet", str(repository), str(clone))
    assert refuses(clone, "first:cnn") == (
        "first:cnn has no build/predictions/cnn.parquet: check first out and run `dvc repro`, or `dvc pull` if "
        "a remote has it"
    )


@pytest.mark.slow
def test_pictures_of_an_old_table_are_taken_from_dvcs_cache(repository):
    first = find_model(repository, "first:cnn")
    (repository / "build/clean.parquet").unlink()
    ids = list(FACES.frame["id"][:2])
    assert set(find_images(repository, ids, [first.data["clean"]])) == set(ids)
    assert find_images(repository, ["no such face"], [first.data["clean"], "0" * 32]) == {}
