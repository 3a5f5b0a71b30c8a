"""The origin of outs: commit, uncommitted changes, and the hashes of data and outs in dvc.lock."""

import json
import subprocess
from pathlib import Path

import pytest

from emopipe.core.dvc_lock import read_lock, upstream
from emopipe.core.errors import WorkspaceError
from emopipe.core.state import StageRecord, StageState, stage_record, stage_state
from emopipe.tracking.origin import Origin, hashes, workspace_origin
from emopipe.tracking.snapshots import Snapshot, snapshots
from projects import ROOT

LAST = StageRecord(StageState("train@cnn", {}, {}))
LOCK = """
schema: '2.0'
stages:
  ingest:
    cmd: python stages/ingest.py
    deps:
    - {path: data, hash: md5, md5: aa.dir, size: 1, nfiles: 1}
    - {path: src/emopipe/ingest/ingest.py, hash: md5, md5: bb, size: 1}
    params:
      params.yaml:
        base: {seed: 0}
    outs:
    - {path: build/faces.parquet, hash: md5, md5: cc, size: 1}
  train@cnn:
    cmd: python stages/train.py
    deps:
    - {path: build/faces.parquet, hash: md5, md5: cc, size: 1}
    params:
      params.yaml:
        train.rate: 1e-05
    outs:
    - {path: build/models/cnn, hash: md5, md5: dd.dir, size: 1, nfiles: 2}
  export:
    cmd: python stages/export.py
    deps:
    - {path: build/models, hash: md5, md5: ee.dir, size: 1, nfiles: 2}
    outs:
    - {path: exports, hash: md5, md5: ff.dir, size: 1, nfiles: 2}
"""


PIPELINE = "stages: {ingest: {}, train: {matrix: {model: '${models}'}}, export: {}}"


def git(root: Path, *command: str) -> str:
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *own, *command], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def no_experiment(monkeypatch):
    for name in ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path) -> Path:
    """A git project with one commit."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "fit.py").write_text("rate = 1\n")
    (tmp_path / "params.yaml").write_text("models: [cnn]\n")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "dvc.lock").write_text(LOCK)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_a_clean_checkout_is_its_commit(project):
    origin = workspace_origin(project, LAST)
    assert (origin.commit, origin.branch) == (git(project, "rev-parse", "HEAD").strip(), "main")
    assert (origin.dirty, origin.diff) == ("false", "")


def test_what_is_not_committed_can_be_applied_again_new_files_with_it(project, tmp_path_factory):
    (project / "src" / "fit.py").write_text("rate = 2\n")
    (project / "src" / "new.py").write_text("é\n", encoding="latin-1")  # no UTF-8
    origin = workspace_origin(project, LAST)
    assert origin.dirty == "true"
    assert git(project, "status", "--porcelain") == " M src/fit.py\n?? src/new.py\n", "git's index is as it was"
    other = tmp_path_factory.mktemp("other") / "clone"
    git(project, "clone", "--quiet", str(project), str(other))
    (other / "patch").write_bytes(origin.files()["uncommitted.diff"])
    git(other, "apply", "patch")
    for name in ("fit.py", "new.py"):
        assert (other / "src" / name).read_bytes() == (project / "src" / name).read_bytes()


def test_of_a_new_file_that_is_no_code_only_the_name_is_kept(project):
    (project / "src" / ".env").write_text("TOKEN=secret")
    (project / "src" / "weights.onnx").write_text("secret")
    (project / "corrections.csv").write_text("id,label\n")
    origin = workspace_origin(project, LAST)
    assert "secret" not in str(origin.files())
    assert "+id,label" in origin.diff, "the files at the root decide the outs"
    assert origin.left_out == ["src/.env", "src/weights.onnx"]
    assert (origin.dirty, workspace_origin(project, LAST).tags()["emopipe.git.dirty"]) == ("true", "true")


def test_what_a_run_writes_does_not_make_it_dirty(project):
    (project / "dvc.lock").write_text("schema: '2.0'\n")
    (project / "reports").mkdir()
    (project / "reports" / "export.json").write_text("{}")
    (project / "notes.txt").write_text("private")
    assert workspace_origin(project, LAST).dirty == "false"


def test_without_a_commit_nothing_is_claimed(tmp_path):
    origin = workspace_origin(tmp_path, LAST)
    assert (origin.commit, origin.dirty, origin.diff) == ("", "unknown", "")
    assert "" not in {value for name, value in origin.tags().items() if name == "emopipe.git.dirty"}


def test_an_experiment_is_its_baseline_and_what_it_changes(project, monkeypatch):
    baseline = git(project, "rev-parse", "HEAD").strip()
    (project / "params.yaml").write_text("models: [cnn]\nrate: 3\n")
    git(project, "commit", "--quiet", "-am", "queued")  # a commit that nobody will find again
    monkeypatch.setenv("DVC_EXP_NAME", "slow-rate")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", baseline)
    origin = workspace_origin(project, LAST)
    assert (origin.commit, origin.experiment, origin.dirty) == (baseline, "slow-rate", "true")
    assert "+rate: 3" in origin.diff


def test_an_origin_is_read_as_it_was_written(tmp_path):
    origin = Origin(stage="export", commit="c", diff="d\udce9", data={"data": "aa.dir"}, outs={"export": {"x": "y"}})
    for name, content in origin.files().items():
        (tmp_path / name).write_bytes(content)
    assert Origin.read(tmp_path) == origin


# dvc.lock


def test_the_lock_gives_the_states_and_outs_of_stages():
    records = read_lock(LOCK)
    assert list(records) == ["ingest", "train@cnn", "export"]
    assert records["train@cnn"].state.params == {"train.rate": 0.00001}
    assert records["train@cnn"].state.inputs == {"build/faces.parquet": "cc"}
    assert records["ingest"].outs == {"build/faces.parquet": "cc"}


def test_a_stage_is_made_by_those_whose_outs_it_took_in():
    records = read_lock(LOCK)
    assert [record.state.stage for record in upstream(records, records["export"])] == ["ingest", "train@cnn", "export"]
    other = StageRecord(StageState("train@cnn", {}, {"build/faces.parquet": "another"}))
    assert upstream(records, other) == [other]


def test_data_are_the_inputs_that_no_stage_makes_and_that_are_not_code():
    records = read_lock(LOCK)
    found = hashes(upstream(records, records["export"]))
    assert found["data"] == {"data": "aa.dir"}
    assert found["outs"]["export"] == {"exports": "ff.dir"}


def test_a_lock_is_read_as_dvc_reads_it():
    from dvc.utils.serialize import parse_yaml

    values = "{a: 1e-05, b: on, c: 'on', d: 1:30, e: null, f: [1.0, -2], g: 0x1f, h: 2026-01-01, i: ~, j: .inf, k: no}"
    text = f"stages: {{train: {{params: {{params.yaml: {values}}}, deps: [{{path: a, md5: 1e5}}]}}}}"
    entry = parse_yaml(text, "dvc.lock")["stages"]["train"]
    (record,) = read_lock(text).values()
    assert record.state.params == entry["params"]["params.yaml"]
    assert record.state.inputs == {"a": entry["deps"][0]["md5"]}
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    for name, stage in parse_yaml(text, "dvc.lock")["stages"].items():
        assert list(read_lock(text)[name].state.params.values()) == [
            value for values in stage.get("params", {}).values() for value in values.values()
        ]


def test_a_broken_lock_is_one_line():
    with pytest.raises(WorkspaceError, match=r"^dvc.lock is not readable \([^\n]*\): take it from git, or run `rm dvc"):
        read_lock("stages: [1, 2")
    with pytest.raises(WorkspaceError, match=r"^dvc.lock is not readable \("):
        read_lock("stages: {train: {deps: [{path: data}]}}")


def test_the_state_in_the_lock_is_the_state_that_ran(tmp_path, monkeypatch):
    from dvc.repo import Repo

    for name in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / "dvc"))
    root = tmp_path / "project"
    (root / "code").mkdir(parents=True)
    (root / "code" / "a.py").write_text("a")
    (root / "params.yaml").write_text("train: {rate: 1.0e-05, models: [a, b]}")
    stage = {"cmd": "cp code/a.py made", "params": ["train"], "deps": ["code"], "outs": ["made"]}
    (root / "dvc.yaml").write_text(json.dumps({"stages": {"learn": stage}}))
    Repo.init(str(root), no_scm=True).close()
    monkeypatch.chdir(root)
    with Repo(str(root)) as repo:
        repo.reproduce()
    locked = read_lock((root / "dvc.lock").read_text())["learn"]
    assert locked == stage_record("learn", root)
    assert locked.state.key == stage_state("learn", root).key


# Snapshots


def test_a_commit_has_its_own_lock_and_the_workspace_the_one_that_lies_there(project):
    (project / "dvc.lock").write_text(LOCK.replace("cc", "c2"))
    old, new = snapshots(project, "main", experiments=False)[0], snapshots(project, None, experiments=False)[0]
    assert old.records["ingest"].outs == {"build/faces.parquet": "cc"}
    assert new.records["ingest"].outs == {"build/faces.parquet": "c2"}


def test_a_stage_that_is_no_longer_defined_is_in_no_state(project):
    (project / "params.yaml").write_text("models: [resnet18]\n")
    assert set(Snapshot(project).records) == {"ingest", "export"}
    origin = Snapshot(project).origin(Snapshot(project).records["export"])
    assert list(origin.outs) == ["export"]


def test_experiments_are_found_by_their_refs_and_come_before_the_workspace(project):
    head = git(project, "rev-parse", "HEAD").strip()
    git(project, "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/slow-rate", head)
    git(project, "update-ref", "refs/exps/exec/EXEC_HEAD", head)
    found = snapshots(project, None, experiments=True)
    assert [(snapshot.experiment, snapshot.commit) for snapshot in found] == [("slow-rate", head), ("", "")]
    assert snapshots(project, "slow-rate", experiments=False) == [Snapshot(project, head)]


def test_an_unknown_revision_is_one_line(project):
    line = r"^v9 is no revision of git and no DVC experiment: `git log` and `dvc exp list -A` list them$"
    with pytest.raises(WorkspaceError, match=line):
        snapshots(project, "v9", experiments=False)


def test_a_state_of_the_past_is_from_the_commit_that_brought_its_lock(project):
    first = git(project, "rev-parse", "HEAD").strip()
    (project / "src" / "fit.py").write_text("rate = 2\n")
    git(project, "commit", "--quiet", "-am", "later code, that was not run")
    snapshot = Snapshot(project, git(project, "rev-parse", "HEAD").strip())
    origin = snapshot.origin(snapshot.records["export"])
    assert (origin.commit, origin.stage, origin.data) == (first, "export", {"data": "aa.dir"})


def test_parameters_of_the_past_are_those_that_the_stages_were_run_with(project):
    (project / "params.yaml").write_text("base: {seed: 7, size: 48}\ntrain: {rate: 1}\nmodels: [cnn]\n")
    snapshot = Snapshot(project)
    found = snapshot.params(snapshot.records["train@cnn"])
    assert found == {"base": {"seed": 0}, "train": {"rate": 0.00001}, "models": ["cnn"]}
