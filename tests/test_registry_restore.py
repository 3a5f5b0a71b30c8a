"""registry.json restores the versions, tags and aliases that a store lacks, or reports which files are lost."""

import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json, write_json, write_parquet
from emopipe.faces.png import encode_png
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.champions import champion_history, move_champion
from emopipe.tracking.origin import Origin
from emopipe.tracking.registration import register
from emopipe.tracking.registry import bundle_digest
from emopipe.tracking.registry_backup import FILE, read_backup, save_registry
from emopipe.tracking.restore import model_id, restore_champion, versions_without_files
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.sync import sync
from emopipe.tracking.versions import CHAMPION, all_versions, find_version, get_aliases
from face_tables import faces_of
from test_tracking import make_bundle, model_run, new_store, own_stores

__all__ = ["new_store", "own_stores"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code
EXAMPLE = encode_png(np.full((4, 4, 1), 200, np.uint8))


@dataclass
class Project:
    """A DVC project with three exports in its cache, registered as versions 1 to 3."""

    root: Path
    digests: tuple[str, ...]

    def client(self):
        return connect(self.root)[0]

    def tags(self) -> dict[str, dict]:
        """Tags of versions by digest, with the replaced version as a digest."""
        versions = {str(version.version): dict(version.tags) for version in all_versions(self.client())}
        for tags in versions.values():
            if tags.get("emopipe.replaced") in versions:
                tags["emopipe.replaced"] = versions[tags["emopipe.replaced"]]["emopipe.bundle"]
        return {tags["emopipe.bundle"]: tags for tags in versions.values()}

    def aliases(self) -> dict[str, str]:
        """Digest by alias."""
        client = self.client()
        return {alias: find_version(client, n).tags["emopipe.bundle"] for alias, n in get_aliases(client).items()}

    def wipe(self, store: Path) -> None:
        """Lose the store and its artifacts; a new store has no run and no version."""
        shutil.copy(store / "mlflow.db", self.root)
        shutil.rmtree(store / "mlartifacts", ignore_errors=True)

    def lose(self, path: str) -> str:
        """Remove an out from DVC's cache; its hash."""
        value = self.hash(path)
        (self.root / ".dvc" / "cache" / "files" / "md5" / value[:2] / value[2:]).unlink()
        return value

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
    bundles = [make_bundle(root / f"export{number}", number / 10) for number in (1, 2, 3)]
    with Repo(str(root)) as repo:
        repo.add([str(root / "build" / "clean.parquet"), *map(str, bundles)])
    made = Project(root, tuple(bundle_digest(bundle) for bundle in bundles))
    for bundle in bundles:
        outs = {
            "validate": {"build/clean.parquet": made.hash("build/clean.parquet")},
            "export": {"exports": made.hash(bundle.name)},
        }
        with model_run(root).resume() as run:
            run.complete()
            register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"}, "a note", origin=Origin(stage="export", outs=outs))
    client = made.client()
    client.delete_model_version(NAME, "2")
    client.set_model_version_tag(NAME, "3", "verdict", "promote")
    move_champion(client, find_version(client, "3"), find_version(client, "1"))
    client.set_registered_model_alias(NAME, "shadow", "1")
    save_registry(root, client)
    return made


def test_bundles_tags_and_aliases_return_when_the_store_is_lost(project, new_store):
    before, aliases = project.tags(), project.aliases()
    assert list(aliases) != []
    project.wipe(new_store)
    first, second, third = (digest[:7] for digest in project.digests)
    lines = [
        f"bundle {first} of cnn is not registered",
        f"bundle {second} of cnn is not registered",
        f"bundle {third} of cnn is not registered",
    ]
    unset = [f"the alias {alias} is not set" for alias in ("champion", "shadow")]
    report = sync(project.root, check_only=True)
    assert report.problems == [f"{line}: `emopipe sync`" for line in lines + unset]
    assert sync(project.root).done == [f"{line}: repaired" for line in [*lines, "version 3 lacks tags", *unset]]
    after = project.tags()
    assert {digest: after[digest] for digest in before} == before
    assert after[project.digests[1]]["emopipe.model"] == "cnn", "it stays in registry.json"
    assert project.aliases() == aliases
    assert sync(project.root).lines() == ["MLflow is complete: 0 runs, 3 versions"], "a second time"
    import mlflow

    mlflow.set_tracking_uri(project.client().tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    assert model.unwrap_python_model().bundle.classes == ("bright", "dark")


def test_numbers_may_differ_and_a_rollback_still_finds_the_replaced_version(project, new_store):
    content = read_json(project.root / FILE)
    del content["bundles"][project.digests[0]], content["aliases"]["shadow"]
    content["bundles"][project.digests[2]]["tags"]["emopipe.replaced"] = project.digests[1]
    write_json(project.root / FILE, content)
    project.wipe(new_store)
    assert sync(project.root).problems == []
    champion = find_version(project.client(), CHAMPION)
    assert (str(champion.version), champion.tags["emopipe.replaced"]) == ("2", "1")
    assert champion.tags["emopipe.bundle"] == project.digests[2]


def test_the_history_of_champions_returns_even_where_the_tags_of_versions_do_not_hold_it(project, new_store):
    client, (first, _, third) = project.client(), project.digests
    move_champion(client, find_version(client, "1"), find_version(client, "3"))
    save_registry(project.root, client)
    assert read_backup(project.root).champions == [first, third, first]
    project.wipe(new_store)
    assert sync(project.root).done[-1] == "the history of champions is not set: repaired"
    assert champion_history(project.client()) == ["1", "3", "1"]
    assert sync(project.root).done == []


def test_the_file_keeps_champions_that_a_store_cannot_restore(project, new_store):
    first, second, third = project.digests
    content = read_json(project.root / FILE)
    write_json(project.root / FILE, content | {"champions": [first, second, third]})
    project.lose("export2")
    project.wipe(new_store)
    assert len(sync(project.root).problems) == 1
    client = project.client()
    assert champion_history(client) == ["1", "2"]
    assert read_backup(project.root).champions == [first, second, third]
    move_champion(client, find_version(client, "1"), find_version(client, "2"), rollback=True)
    save_registry(project.root, client)
    assert read_backup(project.root).champions == [first]


def test_a_bundle_whose_files_are_lost_is_a_problem_and_no_version(project, new_store):
    value = project.lose("export3")
    project.wipe(new_store)
    third = project.digests[2][:7]
    assert sync(project.root).problems == [
        f"bundle {third} of cnn is not registered, which cannot be repaired: exports with the hash {value} is in no "
        "cache and no remote that is set: run `dvc fetch` where it is, or `dvc repro` to make it again",
        f"the alias champion is not set, which cannot be repaired: its bundle {third} is not registered",
    ]
    assert project.aliases() == {"shadow": project.digests[0]}
    assert set(project.tags()) == set(project.digests[:2])
    assert read_backup(project.root).aliases["champion"] == project.digests[2], "the file keeps it"


def test_a_new_version_does_not_replace_a_champion_that_the_store_has_lost(project, new_store):
    project.wipe(new_store)
    with model_run(project.root).resume() as run:
        run.complete()
        restore_champion(run)
        register(make_bundle(project.root / "fourth", 0.4), run, EXAMPLE, {"emopipe.model": "cnn"})
    aliases = project.aliases()
    assert aliases["champion"] == project.digests[2]
    assert aliases["challenger"] not in project.digests
    assert set(read_backup(project.root).bundles) == {*project.digests, aliases["challenger"]}


def test_a_champion_whose_files_are_lost_is_a_warning_and_the_new_version_takes_its_place(project, new_store, capsys):
    project.lose("export3")
    project.wipe(new_store)
    with model_run(project.root).resume() as run:
        run.complete()
        restore_champion(run)
        register(make_bundle(project.root / "fourth", 0.4), run, EXAMPLE, {"emopipe.model": "cnn"})
    line = f"warning: the champion of registry.json, bundle {project.digests[2][:7]} of cnn, is not registered: exports"
    assert capsys.readouterr().out.startswith(line)
    assert project.aliases()["champion"] not in project.digests


def test_a_version_that_lost_its_files_gets_them_back(project, new_store):
    client = project.client()
    assert versions_without_files(client) == []
    shutil.rmtree(new_store / "mlartifacts")
    lost = versions_without_files(client)
    assert [str(version.version) for version in lost] == ["1", "3"]
    assert [line for line in sync(project.root).done if "files" in line] == [
        "version 1 has lost its files: repaired",
        "version 3 has lost its files: repaired",
    ]
    assert versions_without_files(client) == []
    assert "MLmodel" in {item.path for item in client.list_logged_model_artifacts(model_id(lost[0]))}


def test_a_full_disk_leaves_versions_and_aliases_as_they_are(project):
    bundle, before = make_bundle(project.root / "fourth", 0.4), (project.tags(), project.aliases())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with model_run(project.root).find() as run:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
        try:
            with pytest.raises(WorkspaceError) as error:
                register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert str(error.value).startswith("MLflow fails, so the model is not registered, and no alias has moved: check ")
    assert (project.tags(), project.aliases()) == before
    with model_run(project.root).find() as run:
        assert register(bundle, run, EXAMPLE, {"emopipe.model": "cnn"}).version == "4"


def test_another_store_gets_the_same_registry(project, new_store, tmp_path, monkeypatch):
    before, aliases = project.tags(), project.aliases()
    other = shutil.copy(new_store / "mlflow.db", tmp_path / "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    assert sync(project.root).problems == []
    after = project.tags()
    assert ({digest: after[digest] for digest in before}, project.aliases()) == (before, aliases)
    project.client().set_registered_model_alias(NAME, "champion", "1")
    assert sync(project.root).done == []
    assert project.aliases()["champion"] == project.digests[0], "what a store has is kept"


# The file


def test_the_file_has_stable_bytes_and_no_address(project, monkeypatch):
    path = project.root / FILE
    before = path.read_bytes()
    save_registry(project.root, project.client())
    assert path.read_bytes() == before
    content = read_json(path)
    assert list(content["bundles"]) == sorted(project.digests)
    assert content["aliases"] == dict(sorted({**project.aliases()}.items()))
    entry = content["bundles"][project.digests[2]]
    assert entry["origin"]["outs"]["export"] == {"exports": project.hash("export3")}
    assert (entry["tags"]["emopipe.model"], entry["tags"]["emopipe.replaced"]) == ("cnn", project.digests[0])
    assert b"sqlite" not in before
    assert str(project.root).encode() not in before


def test_the_file_is_written_again_from_the_store(project):
    before = read_backup(project.root)
    (project.root / FILE).unlink()
    assert sync(project.root).problems == []
    after = read_backup(project.root)
    assert after.aliases == before.aliases
    assert after.bundles == {d: before.bundles[d] for d in sorted((project.digests[0], project.digests[2]))}


def test_without_a_version_there_is_no_file(new_store, tmp_path):
    shutil.copy(new_store / "mlflow.db", tmp_path)
    save_registry(tmp_path, connect(tmp_path)[0])
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"local": {"versions": {}}}', '{"bundles": {"a": {}}, "aliases": {}}']
)
def test_a_file_that_is_not_readable_is_one_line(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(
        WorkspaceError, match=r"^registry.json is not readable \([^\n]+\): take it from git, or remove it and run `emop"
    ):
        read_backup(tmp_path)
