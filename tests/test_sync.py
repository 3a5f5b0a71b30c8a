"""MLflow's store rebuilt from git and DVC, and a version reproduced from its commit; on one small pipeline."""

import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from emopipe.core.files import read_json
from emopipe.faces.classes import FER2013_CLASSES as CLASSES
from emopipe.tracking.naming import LIVE, REBUILT
from projects import FORKED, copy_project, run, succeed
from small_pipeline import ENSEMBLE, EXPORTED, MODELS, SETTINGS, small_pipeline

pytestmark = pytest.mark.slow

COMMON = {"mlflow.source.git.commit", "emopipe.process", "emopipe.source", "emopipe.machine"}
COMMON |= {"emopipe.against_champion", "emopipe.champion", "mlflow.note.content"}  # of the champion of that time
COMMON |= {"mlflow.user"}  # of whom rebuilt it
COMMON |= {"emopipe.git.dirty"}  # an experiment is rebuilt from the commit that holds its change
"""Tags that a run may have otherwise after it was rebuilt."""


@dataclass(frozen=True)
class Store:
    """What MLflow shows, by names that do not change: keys of states, digests of bundles."""

    runs: dict
    states: dict
    versions: dict
    aliases: dict


OPENED = count(1)


def open_store(root: Path):
    """A client by an address of its own: MLflow keeps a store open by its address, even one whose file is gone."""
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{root}/{'./' * next(OPENED)}mlflow.db")


def read_store(root: Path, folder: Path) -> Store:
    return read(open_store(root), folder)


def read(client, folder: Path) -> Store:
    """What the store of the client shows; `folder` is for its files."""
    experiment = client.get_experiment_by_name("emopipe").experiment_id
    found = client.search_runs([experiment])
    keys = {run.info.run_id: run.data.tags.get("emopipe.key", run.data.tags["emopipe.state"]) for run in found}
    assert len(set(keys.values())) == len(keys), "a state stands twice"
    runs, states = {}, {}
    for one in found:
        is_model = "emopipe.model" in one.data.tags
        (runs if is_model else states)[keys[one.info.run_id]] = {
            "name": one.info.run_name,
            "status": one.info.status,
            "metrics": {name: value for name, value in one.data.metrics.items() if not name.startswith(LIVE)},
            "epochs": [(m.step, m.value) for m in client.get_metric_history(one.info.run_id, "epoch/val_loss")],
            "params": one.data.params,
            "tags": {name: value for name, value in one.data.tags.items() if name not in COMMON | {PARENT}},
            "figures": [part.strip() for part in one.data.tags.get("mlflow.note.content", "").split("## ")[1:3]],
            "parent": keys.get(one.data.tags.get(PARENT)),
            "data": sorted(described(item) for item in one.inputs.dataset_inputs),
            "models": logged_models(client, experiment, one.info.run_id),
            "files": files_of(client, one.info.run_id, folder / one.info.run_id),
        }
    found = sorted(client.search_model_versions("name = 'emopipe'"), key=lambda one: int(one.version))
    numbers = {str(one.version): one.tags["emopipe.bundle"] for one in found}
    versions = {
        numbers[str(version.version)]: {
            "run": keys[version.run_id],
            "tags": version.tags | {REPLACED: numbers.get(version.tags.get(REPLACED))},
            "description": version.description,
        }
        for version in found
    }
    aliases = client.get_registered_model("emopipe").aliases
    return Store(runs, states, versions, {alias: numbers[str(number)] for alias, number in aliases.items()})


PARENT, REPLACED = "mlflow.parentRunId", "emopipe.replaced"


def described(item) -> tuple:
    """A data set: its source, context, columns and counts."""
    assert "class_counts" in item.dataset.profile
    return item.dataset.source, item.tags[0].value, item.dataset.schema, item.dataset.profile


def logged_models(client, experiment: str, run_id: str) -> list[tuple]:
    """Name, type, tags and metrics of the models that a run has logged."""
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    entries = []
    for model in found:
        tags = {name: value for name, value in model.tags.items() if name != "mlflow.modelVersions"}  # of a server
        metrics = sorted((metric.key, metric.value) for metric in model.metrics or ())
        entries.append((model.name, model.model_type, tags, metrics))
    return sorted(entries, key=str)


def files_of(client, run_id: str, folder: Path) -> dict[str, bytes]:
    """All artifacts but those that tell of the machine and the commit."""
    folder.mkdir(parents=True)
    path = Path(client.download_artifacts(run_id, "", str(folder)))
    found = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(("machine", "origin"))}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A pipeline that has run and was committed, with experiments, one of which is registered as version 2."""
    root = copy_project(small_pipeline().root, tmp_path_factory.mktemp("sync") / "project")
    for name, value in (("name", "t"), ("email", "t@example.org")):
        succeed(root, "git", "config", f"user.{name}", value)
    assert "registry.json" in succeed(root, "git", "ls-files", "registry.json")
    assert "is version 2 of the registered model emopipe: the challenger" in succeed(
        root, "emopipe", "register", EXPORTED
    )
    return root


def commit(root: Path, subject: str) -> None:
    succeed(root, "git", "add", "-A")
    succeed(root, "git", "commit", "--quiet", "-m", subject)


def sync(root: Path, *options: str, status: int = 0) -> list[str]:
    done = run(root, "emopipe", "sync", *options)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines()


AUGMENTED = "params.`balance.strategy` = 'augment'"
WHOLE = ["MLflow is complete: 5 runs, 2 versions"]
"""Of the workspace, two networks and their ensemble; of two experiments one network each."""


def test_a_wiped_store_comes_back_with_runs_figures_versions_and_aliases(project, tmp_path):
    assert sync(project, "--check", "--all-experiments") == WHOLE
    assert sync(project) == ["MLflow is complete: 3 runs, 2 versions"]
    before = read_store(project, tmp_path / "before")
    bundles = read_json(project / "registry.json")["bundles"]
    first, second = sorted(bundles, key=lambda digest: bundles[digest]["order"])
    assert (len(before.runs), len(before.states)) == (5, 3)
    for shown in before.runs.values():
        assert {kind for _, kind, *_ in shown["models"]} == {"classifier"}
        assert all(metrics for *_, metrics in shown["models"])
        tables = {"evaluation"} if shown["name"].startswith(ENSEMBLE) else {"training", "evaluation"}
        assert {context for _, context, *_ in shown["data"]} == tables
    assert before.aliases == {"champion": first, "challenger": second}
    for file in [*project.glob("mlflow.db*"), project / "mlartifacts"]:
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    missing = sync(project, "--check", "--all-experiments", status=1)
    gaps = {
        *(f"cnn of {name} has no run" for name in SETTINGS),
        *(f"{model} of the workspace has no run" for model in (*MODELS, ENSEMBLE)),
        *(f"bundle {digest[:7]} of {bundles[digest]['tags']['emopipe.model']} is not registered" for digest in bundles),
        "the alias challenger is not set",
        "the alias champion is not set",
    }
    assert {line.removesuffix(": `emopipe sync`") for line in missing[:-1]} == gaps
    assert missing[-1] == f"problems: {len(gaps)}"
    lines = sync(project, "--all-experiments")
    assert gaps <= {line.removesuffix(": repaired") for line in lines[:-1]}
    assert lines[-1:] == WHOLE
    after = read_store(project, tmp_path / "after")
    assert after.runs == before.runs
    assert after.states == before.states
    assert (after.versions, after.aliases) == (before.versions, before.aliases)
    assert sync(project, "--all-experiments") == WHOLE
    assert read_store(project, tmp_path / "twice").runs == before.runs


def client_of(root: Path):
    client = open_store(root)
    return client, client.get_experiment_by_name("emopipe").experiment_id


def test_a_run_that_was_deleted_comes_back_as_it_was(project):
    client, experiment = client_of(project)
    deleted = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'")
    for one in deleted:
        client.delete_run(one.info.run_id)
    assert len(sync(project, "--check", "--all-experiments", status=1)) == len(deleted) + 1
    sync(project, "--all-experiments")
    found = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'")
    assert {one.info.run_id for one in found} == {one.info.run_id for one in deleted}


def test_a_run_of_no_known_state_and_a_run_without_figures_are_named(project):
    client, experiment = client_of(project)
    tags = {"emopipe.key": "0" * 32, "emopipe.model": "cnn", "emopipe.history": "complete"}
    unknown = client.create_run(experiment, tags=tags, run_name="unknown").info.run_id
    client.set_terminated(unknown)
    one = next(one for one in client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'") if one.data.metrics)
    shutil.rmtree(Path(one.info.artifact_uri.removeprefix("file://")) / "figures")
    lines = sync(project, "--check", "--all-experiments", status=1)
    assert lines[1].endswith("has lost its figures: `emopipe sync`")
    assert lines[0] == f"unknown has a state that is in no commit: its run {unknown} cannot be rebuilt"
    assert sync(project, "--all-experiments")[0].endswith("has lost its figures: repaired")
    assert len(sync(project, "--check", "--all-experiments")) == 2, "a note fails no check"
    client.delete_run(unknown)
    assert sync(project, "--check", "--all-experiments") == WHOLE


def test_an_experiment_is_synchronised_by_its_name(project):
    client, experiment = client_of(project)
    (one,) = client.search_runs([experiment], "params.`train.epochs` = '13' and tags.`emopipe.model` = 'cnn'")
    assert one.data.tags["emopipe.source"] == REBUILT
    assert (one.data.tags["dvc.experiment"], one.info.run_name) == ("longer", "longer cnn")
    assert sync(project, "longer")[-1].startswith("MLflow is complete: ")
    assert run(project, "emopipe", "sync", "v9").stderr == (
        "emopipe: v9 is no revision of git and no DVC experiment: `git log` and `dvc exp list -A` list them\n"
    )


def test_a_run_whose_outs_are_lost_is_a_problem(project, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("cache", "mlflow.db*", "mlartifacts", "registry.json"))
    shutil.rmtree(copy / "build")
    lines = sync(copy, status=1)
    assert lines[0].startswith(
        "cnn of the workspace has no run, which cannot be repaired: build/models/cnn with the hash "
    )
    assert lines[-2].startswith("the export of this state is not registered, which cannot be repaired: ")
    assert lines[-1] == f"problems: {len(MODELS) + 2}"


# Reproduce


def make_again(root: Path, *words: str) -> tuple[int, list[str]]:
    done = run(root, "emopipe", "reproduce", *words, **FORKED)
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_a_stage_that_gives_another_result_is_named(project, tmp_path):
    """The origin of the run is changed: another training cannot give it."""
    worktrees = succeed(project, "git", "worktree", "list")
    client, experiment = client_of(project)
    (one,) = client.search_runs(
        [experiment],
        f"{AUGMENTED} and params.`train.epochs` = '12' and tags.`emopipe.model` = 'cnn'",
    )
    path = Path(client.download_artifacts(one.info.run_id, "origin/origin.json", str(tmp_path)))
    text = path.read_text()
    before = text[text.index('"build/train.parquet": "') + 24 :][:32]
    path.write_text(text.replace(before, "0" * 32))
    client.log_artifact(one.info.run_id, str(path), "origin")
    status, lines = make_again(project, one.info.run_id, "--stage", "balance")
    assert status == 1
    assert lines[-2:] == ["verdict: different", "the first stage that differs is balance: build/train.parquet"]
    path.write_text(text)
    client.log_artifact(one.info.run_id, str(path), "origin")
    assert make_again(project, one.info.run_id, "--stage", "balance")[1][-1] == "verdict: bitwise equal"
    assert succeed(project, "git", "worktree", "list") == worktrees


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["champion"], "champion is no target: expected models:/emopipe@ALIAS, models:/emopipe/NUMBER or a run's id"),
        (["models:/emopipe/9"], "MLflow does not have models:/emopipe/9 with its origin: run `emopipe sync` ("),
        (["models:/emopipe@best"], "MLflow does not have models:/emopipe@best with its origin: run `emopipe sync` ("),
        (
            ["models:/emopipe/1", "--stage", "dance"],
            "models:/emopipe/1 was made by ingest, validate, balance, train@cnn, ",
        ),
    ],
)
def test_what_cannot_be_made_again_is_one_line(project, words, line):
    status, (said,) = make_again(project, *words)
    assert status == 1
    assert said.startswith(f"emopipe: {line}")


def test_the_classes_of_a_run_have_their_balance_with_the_state(project, tmp_path):
    states = read_store(project, tmp_path).states
    for state in states.values():
        assert set(CLASSES) >= {name.rpartition("/")[2] for name in state["metrics"]} != set()
        assert list(state["files"]) == ["class_balance.json"]


def test_a_registry_that_is_lost_with_its_file_starts_again_from_the_workspace(project, tmp_path):
    before = read_store(project, tmp_path / "before")
    for file in [*project.glob("mlflow.db*"), project / "registry.json"]:
        file.unlink()
    lines = sync(project)
    assert {f"{model} of the workspace has no run: repaired" for model in (*MODELS, ENSEMBLE)} <= set(lines)
    assert "the export of this state is not registered: repaired" in lines
    assert lines[-1] == "MLflow is complete: 3 runs, 1 versions"
    after = read_store(project, tmp_path / "after")
    (bundle,) = after.versions
    assert after.aliases == {"champion": bundle}
    assert bundle in before.versions
