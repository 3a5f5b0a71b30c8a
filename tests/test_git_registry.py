"""The registry in git: what `emopipe promote --tag` tags, how GTO and DVC read it, and what `sync` restores from it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from emopipe.compare.promote import promote, roll_back
from emopipe.core.dvc_lock import read_lock
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_json, write_parquet
from emopipe.faces.png import encode_png
from emopipe.faces.table import faces_to_arrow
from emopipe.tracking.champions import champion_history
from emopipe.tracking.git_registry import make_tags, missing_tags, read_git_registry
from emopipe.tracking.registration import register_revision
from emopipe.tracking.store import connect
from emopipe.tracking.sync import sync
from emopipe.tracking.versions import all_versions, find_version, get_aliases
from face_tables import faces_of
from projects import IDENTITY, ROOT, commit, succeed
from registries import PARAMS, add_version, new_store
from test_promote import emopipe
from test_tracking import make_bundle, model_run, own_stores

__all__ = ["own_stores"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code
EXAMPLE = encode_png(np.full((4, 4, 1), 200, np.uint8))
PIPELINE = {
    "stages": {name: {"cmd": ""} for name in ("validate", "export", "register")}
    | {"train": {"foreach": ["cnn"], "do": {"cmd": ""}}},
    "artifacts": {"emopipe": {"path": "exports", "type": "model"}},
}
AGREES = {"agreement": 1.0, "max_probability_difference": 0.0, "kept": False, "macro_f1_loss": 0.0}
REPORT = {
    "model": "cnn",
    "select_by": "macro_f1",
    "candidates": {"cnn": 0.5},
    "parity": {"onnx": AGREES, "onnx_one_by_one": AGREES, "int8": AGREES},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store without a run."""
    return new_store(tmp_path_factory.mktemp("store"))


def new_project(root: Path, store: Path) -> Path:
    """A git project that makes the export of dvc.lock, with a copy of that store."""
    shutil.copy(store / "mlflow.db", root)
    shutil.copy(ROOT / "params.yaml", root)
    (root / ".gitignore").write_text("mlflow.db*\nmlartifacts\n/dvc\n")
    (root / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    succeed(root, "git", "init", "--quiet")
    for setting in IDENTITY[1::2]:
        succeed(root, "git", "config", *setting.split("="))
    return root


def write_lock(root: Path, exports: str, clean: str = "c" * 32, report: str = "e" * 32) -> None:
    stages = {
        "validate": {"cmd": "", "outs": [{"path": "build/clean.parquet", "md5": clean}]},
        "train@cnn": {"cmd": "", "deps": [{"path": "build/clean.parquet", "md5": clean}], "outs": []},
        "export": {
            "cmd": "",
            "deps": [{"path": "build/clean.parquet", "md5": clean}],
            "outs": [{"path": "exports", "md5": exports}, {"path": "reports/export.json", "md5": report}],
        },
        "register": {"cmd": "", "deps": [{"path": "exports", "md5": exports}], "outs": []},
    }
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False))


@pytest.fixture
def root(store, tmp_path, monkeypatch) -> Path:
    """Two commits, whose exports are versions 1 and 2; version 1 is champion."""
    project = new_project(tmp_path, store)
    monkeypatch.chdir(project)
    for number in (1, 2):
        exports = str(number) * 32 + ".dir"
        add_version(project, f"model{number}", None, **{"dvc.exports": exports, "emopipe.model": f"model{number}"})
        write_lock(project, exports)
        commit(project, f"export {number}")
    return project


def head(root: Path, revision: str = "HEAD") -> str:
    return succeed(root, "git", "rev-parse", f"{revision}^{{commit}}").strip()


def tags(root: Path) -> dict[str, str]:
    """Commit by tag."""
    return {name: head(root, name) for name in succeed(root, "git", "tag", "--list").split()}


def test_a_promotion_tags_the_commit_of_the_bundle(root, monkeypatch, capsys):
    (root / "notes").write_text("later")
    commit(root, "a later commit")
    words = ("promote", "2", "--force", "--reason", "better", "--tag")
    status, out, _ = emopipe(monkeypatch, capsys, *words)
    names = "emopipe@v2.0.0 emopipe#champion#1"
    assert (status, out.splitlines()) == (
        0,
        [
            "version 2 is the champion now, in place of version 1",
            f"tagged in git: {names}; `git push origin {names}` shares them",
        ],
    )
    assert tags(root) == dict.fromkeys(names.split(), head(root, "HEAD~1"))
    assert succeed(root, "git", "cat-file", "-t", "emopipe@v2.0.0") == "tag\n", "annotated"
    assert emopipe(monkeypatch, capsys, "promote", "2", "--tag") == (
        0,
        "version 2 is the champion already\ntagged in git already\n",
        "",
    )


def test_a_champion_is_tagged_later_and_each_move_has_the_next_number(root):
    assert promote(root, PARAMS, "1", tag=True).git_tags == ("emopipe@v1.0.0", "emopipe#champion#1")
    assert promote(root, PARAMS, "1", tag=True).git_tags == ()
    promote(root, PARAMS, "2", forced="better")
    assert promote(root, PARAMS, "champion", tag=True).git_tags == ("emopipe@v2.0.0", "emopipe#champion#2")
    assert roll_back(root, tag=True).git_tags == ("emopipe#champion#3",)
    first = head(root, "HEAD~1")
    assert tags(root)["emopipe#champion#3"] == tags(root)["emopipe@v1.0.0"] == first


def test_gto_and_dvc_read_the_tags(root):
    from dvc.repo import Repo
    from gto.tag import parse_name

    Repo.init(str(root)).close()
    promote(root, PARAMS, "1", tag=True)
    promote(root, PARAMS, "2", forced="better", tag=True)
    assert parse_name("emopipe@v2.0.0")["version"] == "v2.0.0"
    assert (parse_name("emopipe#champion#2")["stage"], parse_name("emopipe#champion#2")["counter"]) == ("champion", 2)
    with Repo(str(root)) as repo:
        assert repo.artifacts.get_rev("emopipe", stage="champion") == head(root)
        assert repo.artifacts.get_rev("emopipe", version="v1.0.0") == head(root, "HEAD~1")
        assert repo.artifacts.get_rev("emopipe") == head(root), "the latest"


def test_a_bundle_that_no_commit_holds_is_refused_before_anything_moves(root):
    add_version(root, "third", None, **{"dvc.exports": "3" * 32 + ".dir"})
    write_lock(root, "3" * 32 + ".dir")
    with pytest.raises(WorkspaceError, match=r"^no commit holds the bundle of version 3: commit dvc.lock first$"):
        promote(root, PARAMS, "3", forced="better", tag=True)
    assert (get_aliases(connect(root)[0])["champion"], tags(root)) == ("1", {})


def test_a_number_that_another_store_gave_to_another_bundle_is_refused(root):
    succeed(root, "git", "tag", "--annotate", "--message", "theirs", "emopipe@v2", "HEAD~1")
    line = (
        f"^the tag emopipe@v2 is on commit {head(root, 'HEAD~1')[:7]}, which holds another bundle than version 2: if "
        "it is wrong, `git tag --delete emopipe@v2`$"
    )
    with pytest.raises(WorkspaceError, match=line):
        promote(root, PARAMS, "2", forced="better", tag=True)
    assert get_aliases(connect(root)[0])["champion"] == "1"
    made = promote(root, PARAMS, "1", tag=True).git_tags
    assert made == ("emopipe#champion#1",), "the bundle has a number: that of the other store"


def test_git_that_refuses_is_one_line_and_the_champion_can_be_tagged_later(root, monkeypatch):
    client, _ = connect(root)
    version = find_version(client, "1")
    new = missing_tags(root, version)
    monkeypatch.setenv("GIT_COMMITTER_NAME", "")
    line = (
        r"^version 1 is the champion, but git does not make the tag emopipe@v1.0.0 \(fatal: [^\n]*\): afterwards `emop"
    )
    with pytest.raises(WorkspaceError, match=line):
        make_tags(root, version, new)
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    assert make_tags(root, version, missing_tags(root, version)) == ("emopipe@v1.0.0", "emopipe#champion#1")


def test_tags_of_others_are_no_versions_and_aliases(root):
    for name in ("v1.0.0", "emopipe", "emopipe@v3.1.0", "emopipe@latest", "emopipe-x@v1.0.0", "emopipe#champion"):
        succeed(root, "git", "tag", name)
    succeed(root, "git", "tag", "emopipe@v10.0.0")
    succeed(root, "git", "tag", "emopipe@v9")
    found = read_git_registry(root)
    assert (found.versions, found.aliases) == ({9: "emopipe@v9", 10: "emopipe@v10.0.0"}, {})
    assert read_git_registry(root.parent / "elsewhere").versions == {}


# Sync


@pytest.fixture
def exports(store, tmp_path, monkeypatch) -> Path:
    """Three commits with exports in DVC's cache and the run of their training; no version is registered."""
    from dvc.repo import Repo

    project = new_project(tmp_path, store)
    Repo.init(str(project)).close()
    (project / "build").mkdir()
    write_parquet(project / "build" / "clean.parquet", faces_to_arrow(faces_of("val happy A", "train sad B")))
    bundles = [make_bundle(project / f"made{number}", number / 10) for number in (1, 2, 3)]
    write_json(project / "report.json", REPORT)
    with Repo(str(project)) as repo:
        added = repo.add([str(project / "build" / "clean.parquet"), str(project / "report.json"), *map(str, bundles)])
        clean, report, *hashes = [stage.outs[0].hash_info.value for stage in added]
    monkeypatch.chdir(project)
    for number, value in enumerate(hashes, 1):
        write_lock(project, value, clean, report)
        commit(project, f"export {number}")
    with model_run(project, read_lock((project / "dvc.lock").read_text())["train@cnn"].state).resume() as run:
        run.complete()
    return project


def tag(root: Path, *names: str) -> None:
    """`emopipe@v1.0.0:HEAD~2` tags that commit."""
    for name in names:
        succeed(root, "git", "tag", "--annotate", "--message", "m", *name.split(":"))


def test_versions_aliases_and_history_return_from_git(exports):
    tag(exports, "emopipe@v1.0.0:HEAD~2", "emopipe@v2:HEAD~1", "emopipe@v4.0.0:HEAD")
    tag(exports, *(f"emopipe#champion#{n}:HEAD~{back}" for n, back in enumerate((2, 1, 2, 0), 1)))
    tag(exports, "emopipe#shadow#5:HEAD~1")
    unset = [f"the alias {alias} is not set" for alias in ("champion", "shadow")]
    missing = [f"{name} is not registered" for name in ("emopipe@v1.0.0", "emopipe@v2", "emopipe@v4.0.0")]
    assert sync(exports, check_only=True).problems[:5] == [f"{line}: `emopipe sync`" for line in missing + unset]
    repaired = [f"{line}: repaired" for line in missing + unset]
    repaired[2] += ", as version 3, since MLflow numbers by itself"
    assert sync(exports).done[:5] == repaired
    client, _ = connect(exports)
    assert get_aliases(client) == {"champion": "3", "shadow": "2"}
    assert champion_history(client) == ["1", "3"], "2 was rolled back"
    assert [version.tags["emopipe.model"] for version in all_versions(client)] == ["cnn"] * 3
    assert sync(exports).done == []


def test_a_version_of_a_committed_state_has_its_commit_at_once(exports):
    assert register_revision(exports, "HEAD~1").version == "1"
    client, _ = connect(exports)
    assert find_version(client, "1").tags["dvc.commit"] == head(exports, "HEAD~1")


def test_the_registry_and_its_file_know_better_than_git(exports):
    tag(exports, "emopipe@v1.0.0:HEAD~2", "emopipe#champion#1:HEAD~2")
    sync(exports)
    client, _ = connect(exports)
    before = get_aliases(client)
    assert before == {"champion": "1", "challenger": "2"}, "the export of the workspace is the challenger"
    tag(exports, "emopipe@v2.0.0:HEAD~1", "emopipe#champion#2:HEAD~1")
    line = "emopipe@v2.0.0 is not registered: repaired, as version 3, since MLflow numbers by itself"
    assert sync(exports).done[0] == line
    assert get_aliases(client) == before, "no alias moves"


def test_a_tag_on_a_commit_without_a_bundle_is_a_problem(exports):
    write_lock(exports, "0" * 32 + ".dir")
    commit(exports, "pushed nowhere")
    succeed(exports, "git", "rm", "--quiet", "dvc.lock")
    commit(exports, "empty")
    tag(exports, "emopipe@v1.0.0:HEAD~1", "emopipe@v2.0.0:HEAD", "emopipe#champion#1:HEAD")
    first, second, third = sync(exports).problems[:3]
    assert first.startswith("emopipe@v1.0.0 is not registered, which cannot be repaired: exports with the hash 000")
    assert second == (
        f"emopipe@v2.0.0 is not registered, which cannot be repaired: commit {head(exports)[:7]} has no exported model"
    )
    assert third == (
        "the alias champion is not set, which cannot be repaired: the bundle of emopipe#champion#1 is not registered"
    )
