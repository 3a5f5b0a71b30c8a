"""The commands of docs/dvc.md on the small pipeline: after each one MLflow is complete, and every state stands once."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from emopipe.core.files import read_json
from emopipe.tracking.snapshots import Snapshot
from emopipe.tracking.sync import sync
from projects import FORKED, ROOT, copy_project, run, stages_run, succeed
from small_pipeline import MODELS, small_pipeline

pytestmark = pytest.mark.slow

COMMANDS = re.findall(r"^\$ (.+)$", (ROOT / "docs" / "dvc.md").read_text(encoding="utf-8"), re.MULTILINE)
NOT_HERE = ("dvc pull --remote sample data.dvc",)
"""The small project has drawn its data itself."""


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The project after all commands, and the output of each."""
    root = copy_project(small_pipeline().root, tmp_path_factory.mktemp("day") / "project")
    for name, value in (("name", "t"), ("email", "t@example.org")):
        succeed(root, "git", "config", f"user.{name}", value)
    succeed(root, "dvc", "exp", "remove", "--all-commits")
    outputs = {}
    for command in COMMANDS:
        if command in NOT_HERE:
            continue
        done = run(root, *shlex.split(command), **FORKED)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        outputs[command] = done.stdout + done.stderr
        if "emopipe sync" not in outputs:
            continue
        assert problems(root) == [], f"after {command}"
    return root, outputs


def problems(root: Path) -> list[str]:
    """What `emopipe sync --all-experiments --check` would end with 1 for, in this process."""
    return sync(root, experiments=True, check_only=True).problems


def client_of(root: Path):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}")


def aliases(root: Path) -> dict[str, int]:
    return dict(client_of(root).get_registered_model("emopipe").aliases)


def test_there_are_at_least_25_commands():
    assert len(COMMANDS) >= 25


def test_experiments_train_and_register_nothing(day):
    _, outputs = day
    experiment = next(output for command, output in outputs.items() if "--name one" in command)
    assert stages_run(experiment) == ["export", "report", "register"], "the cnn was trained in this state before"
    assert "not registered, as this is a DVC experiment: `emopipe register one` registers its model" in experiment
    assert "is version 2 of the registered model" in outputs["dvc repro"]
    assert "is version 3 of the registered model" in outputs["emopipe register"]


def test_the_table_of_experiments_fits_into_120_columns(day):
    _, outputs = day
    table = next(output for command, output in outputs.items() if command.startswith("dvc exp show"))
    assert max(map(len, table.splitlines())) <= 120
    assert "train.epochs" in table


def test_a_branch_that_is_left_and_entered_again_changes_nothing(day):
    root, outputs = day
    assert outputs["dvc status"] == "Data and pipelines are up to date.\n"
    before = (root / "registry.json").read_bytes(), aliases(root)
    for branch in ("-", "-"):
        succeed(root, "git", "switch", "--quiet", branch)
        succeed(root, "dvc", "checkout")
        assert succeed(root, "dvc", "status") == outputs["dvc status"]
        assert stages_run(succeed(root, "dvc", "repro", "--dry")) == []
        check = run(root, "emopipe", "check", "--base", "HEAD")
        assert check.returncode == 0, check.stdout
    assert ((root / "registry.json").read_bytes(), aliases(root)) == before


def test_a_version_of_fewer_models_names_these_alone_and_is_made_again_to_the_bit(day):
    root, _ = day
    assert not (root / "build" / "models" / MODELS[1]).exists()
    lock = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    assert f"train@{MODELS[1]}" in lock, "DVC keeps what is no longer defined"
    origin = read_json(root / "registry.json")["bundles"]
    (newest,) = [bundle["origin"] for bundle in origin.values() if bundle["order"] == 3]
    stages = ["ingest", "validate", "balance", "train@cnn", "evaluate@cnn", "export"]
    assert list(newest["outs"]) == stages
    done = run(root, "emopipe", "reproduce", "models:/emopipe/3", **FORKED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "verdict: bitwise equal"
    assert stages_run(done.stdout) == stages


def test_a_clone_is_clean_trains_nothing_and_fills_a_store_of_its_own(day):
    root, _ = day
    clone = root.parent / "colleague"
    succeed(root, "git", "clone", "--quiet", ".", str(clone))
    succeed(clone, *shlex.split(COMMANDS[0]))
    succeed(clone, "dvc", "pull", "--quiet")
    assert succeed(clone, "dvc", "status") == "Data and pipelines are up to date.\n"
    assert stages_run(succeed(clone, "dvc", "repro")) == []
    assert run(clone, "emopipe", "check", "--base", "HEAD").returncode == 0
    succeed(clone, "emopipe", "sync")
    assert problems(clone) == []
    assert aliases(clone).keys() == aliases(root).keys()
    assert succeed(clone, "git", "status", "--porcelain") == ""


def test_a_change_of_documentation_reruns_nothing(day):
    root, _ = day
    (root / "docs").mkdir()
    (root / "docs" / "page.md").write_text("A sentence.\n")
    check = succeed(root, "emopipe", "check", "--base", "HEAD")
    assert "Passed. 0 stages ran again.\n" in check


def test_the_bundles_of_all_commits_are_pushed(day):
    root, _ = day
    remote = root.parent / "second"
    succeed(root, "dvc", "remote", "add", "--local", "second", str(remote))
    succeed(root, "dvc", "push", "--all-commits", "--remote", "second")
    bundles = {Snapshot(root, commit).records["export"].outs["exports"] for commit in commits(root)}
    assert len(bundles) >= 2
    assert not [digest for digest in bundles if not (remote / "files" / "md5" / digest[:2] / digest[2:]).exists()]


def commits(root: Path) -> list[str]:
    """Commits of all branches that changed dvc.lock."""
    return succeed(root, "git", "log", "--branches", "--format=%H", "--", "dvc.lock").split()
