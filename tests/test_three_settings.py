"""`dvc exp run` of three settings: three runs in MLflow that can be compared."""

from pathlib import Path

import pytest

from emopipe.ingest.sample.table import write_sample
from projects import make_project, run, succeed

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code

PARAMS = {
    "validate__min_train_faces": 4,
    "validate__label_folds": 2,
    "train__epochs": 1,
    "models": ["cnn"],
    "evaluate__bootstrap_resamples": 100,
}
SETTINGS = {
    "baseline": {},
    "longer": {"train.epochs": "2"},
    "unbalanced": {"balance.strategy": "none"},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    root = make_project(tmp_path_factory.mktemp("settings") / "project", **PARAMS)
    write_sample(root / "data" / "faces.csv.xz", num_faces=200, size=48, seed=0)
    (root / ".gitignore").write_text("/mlflow.db*\n/mlartifacts/\n/data\n")
    succeed(root, "dvc", "add", "--quiet", "data")
    for name, value in (("name", "t"), ("email", "t@example.org")):
        succeed(root, "git", "config", f"user.{name}", value)
    succeed(root, "git", "add", "--all")
    succeed(root, "git", "commit", "--quiet", "--message", "first")
    for name, params in SETTINGS.items():
        options = [word for key, value in params.items() for word in ("--set-param", f"{key}={value}")]
        succeed(root, "dvc", "exp", "run", "--quiet", "--name", name, *options, "evaluate@cnn")
        succeed(root, "git", "checkout", "--quiet", "--force", "HEAD")
    return root


def test_three_settings_are_three_runs_that_differ_only_in_the_settings(project):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("emopipe").experiment_id
    logged = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'", order_by=["metrics.`val/macro_f1` DESC"])
    scores = [each.data.metrics["val/macro_f1"] for each in logged]
    assert scores == sorted(scores, reverse=True)
    runs = {each.data.tags["dvc.experiment"]: each for each in logged}
    assert set(runs) == set(SETTINGS)
    assert {each.info.run_name for each in logged} == {f"{name} cnn" for name in SETTINGS}
    first = runs["baseline"].data.params
    for name, params in SETTINGS.items():
        other = runs[name].data.params
        assert {key: value for key, value in other.items() if first.get(key) != value} == params
        assert set(other) == set(first)
    assert len({each.data.tags["emopipe.test_faces"] for each in logged}) == 1, "measured on the same faces"
    metrics = [{name for name in each.data.metrics if name.startswith(("val/", "test/"))} for each in logged]
    assert metrics[0] == metrics[1] == metrics[2] != set()
    data = [{item.dataset.name: item.dataset.digest for item in each.inputs.dataset_inputs} for each in logged]
    assert len({each["build/clean.parquet"] for each in data}) == 1
    assert len({each["build/train.parquet"] for each in data}) == 2


def test_two_runs_are_compared_face_by_face(project):
    done = run(project, "emopipe", "compare", "baseline:cnn", "longer:cnn")
    assert done.returncode == 0, done.stderr
    assert "B = longer:cnn against A = baseline:cnn, on " in done.stdout
    assert "train.epochs 1 2" in " ".join(done.stdout.split())
