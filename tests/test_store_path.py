"""MLflow's store in a project whose path has characters that mean something in an address."""

import pytest

from emopipe.tracking.store import NAME, connect, local_uri
from registries import add_version, new_store

NAMES = ("my%20project", "100%zz", "q?x=1", "a#b", "Müller & Söhne", 'it\'s "mine"', "a;b@c:d", "[x]{y}+z\\")


@pytest.mark.slow
def test_runs_and_versions_are_in_the_project_whatever_its_path(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path.joinpath(*NAMES)
    root.mkdir(parents=True)
    number = add_version(new_store(root), "cnn", None)
    client, experiment = connect(root)
    (run,) = client.search_runs([experiment])[:1]
    client.log_text(run.info.run_id, "x", "model/a b%20ü.txt")
    assert [item.path for item in client.list_artifacts(run.info.run_id, "model")] == ["model/a b%20ü.txt"]
    assert [path.read_text() for path in (root / "mlartifacts").rglob("a b*.txt")] == ["x"]
    assert client.get_model_version(NAME, number).source.startswith(root.as_uri())
    levels = [tmp_path.joinpath(*NAMES[:depth]) for depth in range(len(NAMES))]
    assert [[path.name for path in level.iterdir()] for level in levels] == [[name] for name in NAMES]


@pytest.mark.parametrize("name", ["project", "my project"])
def test_a_usual_path_has_the_usual_address(tmp_path, name):
    assert local_uri(tmp_path / name) == f"sqlite:///{tmp_path}/{name}/mlflow.db"
