"""Versions and aliases of a registry whose store was lost come back as they were, or with a word on what is gone."""

import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json, write_parquet
from emopipe.faces.png import encode_png
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.import_local_registry import adopt_local
from emopipe.tracking.index import RunIndex
from emopipe.tracking.origin import Origin
from emopipe.tracking.registry import bundle_digest, register
from emopipe.tracking.registry_backup import note_registry, read_ledger
from emopipe.tracking.restore import emptied, lost_versions, model_id, refill, restore_versions
from emopipe.tracking.store import NAME, connect
from face_tables import faces_of
from test_tracking import make_bundle, model_run, new_store, own_stores

__all__ = ["new_store", "own_stores"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code
EXAMPLE = encode_png(np.full((4, 4, 1), 200, np.uint8))


@dataclass
class Project:
    """A DVC project with two exports in its cache, registered as versions 1 and 3; 2 was deleted by hand."""

    root: Path
    digests: dict[int, str]

    def index(self) -> RunIndex:
        return RunIndex(*connect(self.root))

    def versions(self) -> dict[int, dict]:
        client = self.index().client
        found = client.search_model_versions(f"name = '{NAME}'")
        return {int(version.version): dict(version.tags) for version in found}

    def aliases(self) -> dict[str, int]:
        return dict(self.index().client.get_registered_model(NAME).aliases)

    def wipe(self, store: Path) -> None:
        """Lose the store and all that it kept; another process would make a new one."""
        shutil.copy(store / "mlflow.db", self.root)
        shutil.rmtree(store / "mlartifacts", ignore_errors=True)

    def lose(self, path: str) -> None:
        """Take an out away from DVC's cache."""
        value = self.hash(path)
        (self.root / ".dvc" / "cache" / "files" / "md5" / value[:2] / value[2:]).unlink()

    def hash(self, path: str) -> str:
        text = (self.root / f"{path}.dvc").read_text()
        return next(line.split()[-1] for line in text.splitlines() if line.startswith("- md5:"))


@pytest.fixture
def project(new_store, tmp_path) -> Project:
    from dvc.repo import Repo

    root = tmp_path / "project"
    (root / "build").mkdir(parents=True)
    shutil.copy(new_store / "mlflow.db", root)
    Repo.init(str(root), no_scm=True).close()
    write_parquet(root / "build" / "clean.parquet", faces_to_arrow(faces_of("val happy A", "train sad B")))
    bundles = {number: make_bundle(root / f"export{number}", number / 10) for number in (1, 2, 3)}
    with Repo(str(root)) as repo:
        repo.add([str(root / "build" / "clean.parquet"), *map(str, bundles.values())])
    made = Project(root, {number: bundle_digest(bundle) for number, bundle in bundles.items()})
    client = made.index().client
    for number, bundle in bundles.items():
        outs = {
            "validate": {"build/clean.parquet": made.hash("build/clean.parquet")},
            "export": {"exports": made.hash(f"export{number}")},
        }
        with model_run(root).resume() as run:
            run.complete()
            register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"}, "a note", origin=Origin(stage="export", outs=outs))
        if number == 2:
            client.delete_model_version(NAME, "2")
            note_registry(root, client)
    client.set_model_version_tag(NAME, "3", "verdict", "promote")
    client.set_registered_model_alias(NAME, "champion", "3")
    client.set_registered_model_alias(NAME, "shadow", "1")
    note_registry(root, client)
    return made


def test_versions_keep_numbers_tags_and_aliases_when_the_store_is_lost(project, new_store):
    before, aliases = project.versions(), project.aliases()
    assert set(before) == {1, 3}
    project.wipe(new_store)
    assert set(lost_versions(project.root, project.index().client)) == {1, 3}
    assert list(restore_versions(project.root, project.index())) == []
    assert (project.versions(), project.aliases()) == (before, aliases)
    assert list(restore_versions(project.root, project.index())) == [], "a second time there is nothing to do"
    assert project.versions() == before
    import mlflow

    mlflow.set_tracking_uri(project.index().client.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    assert model.unwrap_python_model().bundle.classes == ("bright", "dark")


def test_a_version_whose_data_are_gone_keeps_its_number_and_gets_no_alias(project, new_store):
    project.lose("export3")
    project.wipe(new_store)
    value = project.hash("export3")
    gone = (
        f"exports with the hash {value} is in no cache and no remote that is set: "
        "run `dvc fetch` where it is, or `dvc repro` to make it again"
    )
    assert list(restore_versions(project.root, project.index())) == [
        f"version 3 comes back without its files: {gone}",
        "challenger stays unset: the files of its version 3 are gone",
        "champion stays unset: the files of its version 3 are gone",
    ]
    assert project.aliases() == {"shadow": 1}
    assert project.versions()[3]["verdict"] == "promote"
    assert project.versions()[3]["emopipe.gone"] == gone
    assert project.versions()[1]["emopipe.bundle"] == project.digests[1]


def test_a_new_version_does_not_take_the_number_of_one_that_was_lost(project, new_store):
    from emopipe.tracking.restore import restore_first

    project.wipe(new_store)
    with model_run(project.root).resume() as run:
        run.complete()
        restore_first(run)
        bundle = make_bundle(project.root / "fourth", 0.4)
        assert register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"}, origin=None) == "4"
    assert set(project.versions()) == {1, 3, 4}
    assert project.aliases() == {"champion": 3, "challenger": 4, "shadow": 1}


def test_a_version_that_a_person_deleted_stays_deleted(project):
    client = project.index().client
    client.delete_model_version(NAME, "3")
    assert list(restore_versions(project.root, project.index())) == ["version 3 was deleted by hand, and stays so"]
    assert set(project.versions()) == {1}
    assert set(read_ledger(project.root).versions) == {1}
    assert list(restore_versions(project.root, project.index())) == []


def test_a_version_that_lost_its_files_gets_them_back(project, new_store):
    client = project.index().client
    assert emptied(client) == []
    shutil.rmtree(new_store / "mlartifacts")
    lost = emptied(client)
    assert sorted(int(version.version) for version in lost) == [1, 3]
    for version in lost:
        refill(project.root, project.index(), version)
    assert emptied(client) == []
    path = client.list_logged_model_artifacts(model_id(lost[0]))
    assert "MLmodel" in {item.path for item in path}


def test_a_disk_that_is_full_leaves_versions_and_aliases_as_they_are(project):
    bundle, before = make_bundle(project.root / "fourth", 0.4), (project.versions(), project.aliases())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with model_run(project.root).find() as run:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
        try:
            with pytest.raises(WorkspaceError) as error:
                register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    text = "MLflow did not take the model, and the aliases stay where they were: run `dvc repro` again ("
    assert str(error.value).startswith(text)
    assert (project.versions(), project.aliases()) == before
    with model_run(project.root).find() as run:
        assert register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"}) == "4"


def test_another_store_takes_the_registry_over(project, new_store, tmp_path, monkeypatch):
    """By its address; what it does then is what it does after a loss."""
    before, standing = project.versions(), project.aliases()
    local = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    local.set_model_version_tag(NAME, "3", "said", "after the last note")
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI", f"sqlite:///{shutil.copy(new_store / 'mlflow.db', tmp_path / 'other.db')}"
    )
    adopt_local(project.root, project.index().client)
    assert list(restore_versions(project.root, project.index())) == []
    before[3]["said"] = "after the last note"
    assert (project.versions(), project.aliases()) == (before, standing)
    project.index().client.set_registered_model_alias(NAME, "champion", "1")
    adopt_local(project.root, project.index().client)
    assert list(restore_versions(project.root, project.index())) == [], "what is there already stays as it is"
    assert project.aliases()["champion"] == 1
    local.set_model_version_tag(NAME, "1", "emopipe.bundle", "0" * 32)
    with pytest.raises(WorkspaceError) as error:
        adopt_local(project.root, project.index().client)
    assert str(error.value) == (
        "version 1 of the server is another than version 1 of mlflow.db, and two registries cannot be joined: if "
        "nobody needs the server's, delete its registered model emopipe, else sync without --from-local"
    )


def test_only_a_local_store_is_taken_over_and_only_by_another(project, monkeypatch):
    with pytest.raises(WorkspaceError) as error:
        adopt_local(project.root, project.index().client)
    assert str(error.value) == (
        "mlflow.db is the store in use: set MLFLOW_TRACKING_URI to the one that takes its place"
    )
    client = MlflowClient("http://127.0.0.1:9")
    (project.root / "mlflow.db").rename(project.root / "other.db")
    with pytest.raises(WorkspaceError) as error:
        adopt_local(project.root, client)
    assert str(error.value) == f"{project.root} has no mlflow.db to take over: sync without --from-local"


def test_the_ledger_holds_the_stores_apart_and_no_address(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:secret@127.0.0.1:9")
    assert read_ledger(project.root).versions == {}
    stores = read_json(project.root / "registry.json")
    assert list(stores) == ["local"]
    assert "secret" not in (project.root / "registry.json").read_text()
