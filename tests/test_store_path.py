"""MLflow's store: its path, its lock and its making; and files that DVC's cache restores."""

import hashlib
import re

import pytest

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.outs import restore
from emopipe.tracking.store import NAME, connect, local_uri, store_lock
from projects import make_project, succeed
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


def test_a_store_has_one_lock_whatever_project_uses_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    assert {store_lock(tmp_path / name).lock_file for name in ("a", "b")} == {f"{tmp_path}/shared.db.lock"}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert store_lock(tmp_path / "a").lock_file == f"{tmp_path}/a/mlflow.db.lock"
    with store_lock(tmp_path), store_lock(tmp_path):
        pass


@pytest.mark.slow
def test_a_store_whose_making_is_stopped_leaves_nothing(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "search_experiments", stop)
        with pytest.raises(KeyboardInterrupt):
            connect(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db.lock"]
    assert connect(tmp_path)[0].get_experiment_by_name(NAME) is not None


def stop(*_, **__):
    raise KeyboardInterrupt


def test_a_damaged_file_in_the_cache_is_not_restored(tmp_path):
    root = make_project(tmp_path / "project")
    (root / "table.csv").write_text("whole")
    succeed(root, "dvc", "add", "--quiet", "table.csv")
    md5 = hashlib.md5(b"whole").hexdigest()
    restore(root, "table.csv", md5, tmp_path / "restored")
    assert (tmp_path / "restored").read_text() == "whole"
    cached = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    cached.chmod(0o644)
    cached.write_text("whale")
    with pytest.raises(WorkspaceError, match=rf"^{re.escape(str(cached))} in DVC's cache is damaged: remove it"):
        restore(root, "table.csv", md5, tmp_path / "again")
    assert not (tmp_path / "again").exists()
