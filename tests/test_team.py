"""A local store moves to a team's servers by docs/team.md, and work continues there: the pipeline of test_sync."""

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from emopipe.tracking.naming import LOGGED_LIVE, SOURCE_TAG
from projects import change_params, files_below, run, succeed
from small_pipeline import ENSEMBLE, MODELS, SETTINGS
from team import ADMIN, KEYS, Team, documented, lacking, running_team
from test_sync import project, read, read_store

__all__ = ["project"]
REQUIRED = os.environ.get("EMOPIPE_TEAM_TESTS") == "required"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(lacking()) and not REQUIRED, reason=lacking()),
    pytest.mark.filterwarnings("ignore"),  # mlflow, moto and boto3 warn of their own code
]
ADA, WRONG = ("ada", "a password of 12 characters or more"), ("ada", "another password of that length")
GUEST = ("ci", "the password of a guest")
REFUSED = "the server does not accept this user: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
FORBIDDEN = "the server does not let this user do that: ask for the permission MANAGE"
WHOLE = "MLflow is complete: 5 runs, 2 versions"
SIGNED = "mlflow-artifacts/presigned"  # the request for the address of a file in the bucket
LOAD = """
import json
from pathlib import Path
import mlflow
model = mlflow.pyfunc.load_model("models:/emopipe@champion")
folder = Path(mlflow.artifacts.download_artifacts("models:/emopipe@champion"))
(answer,) = model.predict(model.input_example).to_dict("records")
print(json.dumps([answer, sorted(path.name for path in (folder / "artifacts" / "exports").iterdir())]))
"""


@contextmanager
def acting(team: Team, user: tuple[str, str] = ADA) -> Iterator[None]:
    """MLflow's clients of this process speak to the server as this user."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in team.variables(user).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> Iterator[Team]:
    """The servers, with the users that the code of the page makes."""
    with running_team(tmp_path_factory.mktemp("team")) as started:
        with acting(started, ADMIN):
            exec(documented("from mlflow.server").replace("http://127.0.0.1:5000", started.server.address), {})
        yield started


@pytest.fixture(scope="module")
def moved(project, team, tmp_path_factory):
    """The local store, with a version that was promoted, and the output of the move."""
    succeed(project, "emopipe", "promote", "2", "--force", "--reason", "it trains faster")
    before = read_store(project, tmp_path_factory.mktemp("before"))
    output = succeed(project, "emopipe", "sync", "--all-experiments", **team.variables(ADA))
    return before, output.splitlines()


def read_server(team: Team, folder: Path):
    from mlflow import MlflowClient

    with acting(team):
        return read(MlflowClient(team.server.address), folder)


def aliases(team: Team) -> dict[str, str]:
    from mlflow import MlflowClient

    with acting(team):
        return dict(MlflowClient(team.server.address).get_registered_model("emopipe").aliases)


def type_in(root: Path, block: str, words: Mapping[str, str], last: int | None = None) -> None:
    """Run the commands of a block in docs/team.md, up to the `last` one, with other words for those of the example."""
    for line in documented(block).splitlines()[:last]:
        succeed(root, *(words.get(word, word) for word in shlex.split(line.removeprefix("$ "))))


def test_a_store_moves_with_runs_metrics_versions_verdicts_and_aliases(project, team, moved, tmp_path):
    before, lines = moved
    first, second = before.versions
    assert {
        *(f"cnn of {name} has no run: repaired" for name in SETTINGS),
        *(f"{model} of the workspace has no run: repaired" for model in (*MODELS, ENSEMBLE)),
        "version 2 lacks tags: repaired",
        "the alias champion is not set: repaired",
    } <= set(lines)
    registered = [line.split()[1] for line in lines if line.endswith("is not registered: repaired")]
    assert registered == [first[:7], second[:7]]
    assert lines[-1] == WHOLE
    after = read_server(team, tmp_path)
    assert after.states == before.states
    assert after.runs.keys() == before.runs.keys()
    for key, shown in before.runs.items():
        assert {name for name, value in shown.items() if after.runs[key][name] != value} == set(), shown["name"]
    assert (after.versions, after.aliases) == (before.versions, before.aliases)
    assert after.aliases == {"champion": second}, "a champion is no longer challenger"
    assert after.versions[second]["tags"]["emopipe.forced"] == "it trains faster"
    for options in (["--check"], []):
        again = succeed(project, "emopipe", "sync", "--all-experiments", *options, **team.variables(ADA))
        assert again.splitlines() == [WHOLE]
    assert ADA[1] not in (project / "registry.json").read_text()


def test_artifacts_go_through_the_server_into_the_bucket(team, moved):
    from mlflow import MlflowClient

    with acting(team):
        client = MlflowClient(team.server.address)
        experiment = client.get_experiment_by_name("emopipe").experiment_id
        (one,) = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn' and params.`train.epochs` = '13'")
        assert one.info.artifact_uri.startswith("mlflow-artifacts:/")
        figures = {Path(item.path).name for item in client.list_artifacts(one.info.run_id, "figures")}
    kept = team.objects(f"mlflow/{experiment}/{one.info.run_id}/artifacts/figures/")
    assert figures == {Path(key).name for key in kept} != set()


def test_the_champion_is_loaded_from_the_server_without_a_project(team, moved, tmp_path):
    done = run(tmp_path, "python", "-W", "ignore", "-c", LOAD, **team.variables(ADA))
    assert done.returncode == 0, done.stderr
    answer, files = json.loads(done.stdout)
    assert answer["label"] == max(answer.keys() - {"label"}, key=answer.get)
    assert {"model.onnx", "model.json", "MODEL_CARD.md"} <= set(files)


def test_promotion_moves_the_alias_on_the_server(project, team, moved, tmp_path):
    """A rollback to the version that version 2 replaced, and a promotion, with files from the server."""
    before = team.server.log.read_text().count(SIGNED)
    for words, line, number in (
        (["--rollback"], "version 1 is the champion now, in place of version 2", "1"),
        (["2", "--force", "--reason", "again"], "version 2 is the champion now, in place of version 1", "2"),
    ):
        said = succeed(project, "emopipe", "promote", *words, **team.variables(ADA))
        assert said.splitlines()[-1] == line
        assert aliases(team)["champion"] == number
    log = team.server.log.read_text()
    assert re.search(r"GET /api/2.0/mlflow-artifacts/artifacts/\S+/predictions.parquet", log)
    assert log.count(SIGNED) == before, "a file came from the bucket itself"
    _, second = read_server(team, tmp_path).versions.values()
    assert second["tags"]["emopipe.rolled_back"] == "no reason given"


def test_a_fresh_clone_has_the_data_the_models_and_the_experiments(project, team, moved, tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    words = {"https://s3.example.org": team.storage}
    words |= {"KEY": KEYS["AWS_ACCESS_KEY_ID"], "SECRET": KEYS["AWS_SECRET_ACCESS_KEY"]}
    succeed(tmp_path, "git", "init", "--quiet", "--bare", str(origin))
    succeed(project, "git", "remote", "add", "origin", str(origin))
    type_in(project, "$ dvc remote add", words, 4)
    succeed(project, "git", "push", "--quiet", "origin", "HEAD")
    type_in(project, "$ dvc push --all-commits", {}, 2)
    succeed(tmp_path, "git", "clone", "--quiet", str(origin), str(clone))
    type_in(clone, "$ dvc remote add", words, 4)
    succeed(clone, "dvc", "pull")
    for name in ("data", "build", "exports"):
        there, here = files_below(project / name), files_below(clone / name)
        assert {path.relative_to(project): content for path, content in there.items()} == {
            path.relative_to(clone): content for path, content in here.items()
        }
    succeed(clone, "dvc", "exp", "pull", "--all-commits", "origin")
    lines = succeed(clone, "emopipe", "sync", "--all-experiments", "--check", **team.variables(ADA))
    assert lines.splitlines() == [WHOLE]
    assert run(project, "git", "grep", "--quiet", "of-the-test").returncode == 1, "a key is in a tracked file"


def test_a_guest_may_read_and_not_move_an_alias(project, team, moved):
    before = aliases(team)
    done = run(project, "emopipe", "promote", "1", "--force", "--reason", "because", **team.variables(GUEST))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"emopipe: MLflow fails, so the champion is unchanged: check MLFLOW_TRACKING_URI ({FORBIDDEN})\n"
    )
    assert aliases(team) == before
    assert run(project, "emopipe", "sync", "--check", **team.variables(GUEST)).returncode == 0


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("sync", "so the sync is not complete"),
        ("sync --check", "so nothing is checked"),
        ("promote", "so the champion is unchanged"),
        ("compare models:/emopipe/1 models:/emopipe/2", "so the models cannot be compared"),
        ("reproduce models:/emopipe@champion", "so nothing was reproduced"),
    ],
)
def test_a_wrong_password_is_one_line(project, team, command, outcome):
    done = run(project, "emopipe", *command.split(), **team.variables(WRONG))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"emopipe: MLflow fails, {outcome}: check MLFLOW_TRACKING_URI ({REFUSED})\n"


def test_a_wrong_password_stops_no_training(project, team, moved):
    change_params(project, train__epochs=5)
    said = succeed(project, "dvc", "repro", "train@cnn", **team.variables(WRONG))
    assert said.count(f"MLflow cannot be reached, so cnn goes on unlogged ({REFUSED})") == 1
    assert said.count("MLflow") == 1
    said = succeed(project, "emopipe", "sync", **team.variables(ADA))
    assert said.splitlines()[0] == "cnn of the workspace has no run: repaired"


def test_a_pipeline_logs_to_the_server_while_it_runs(project, team, moved):
    from mlflow import MlflowClient

    change_params(project, train__epochs=14, models=["cnn"], ensembles={})
    local = (project / "mlflow.db").read_bytes()
    said = succeed(project, "dvc", "repro", **team.variables(ADA))
    assert "cnn is version 3 of the registered model emopipe" in said
    assert "MLflow cannot be reached" not in said
    assert aliases(team) == {"champion": "2", "challenger": "3"}
    with acting(team):
        client = MlflowClient(team.server.address)
        experiment = client.get_experiment_by_name("emopipe").experiment_id
        (one,) = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn' and params.`train.epochs` = '14'")
        steps = [point.step for point in client.get_metric_history(one.info.run_id, "epoch/val_loss")]
    assert (one.info.status, one.data.tags[SOURCE_TAG], steps) == ("FINISHED", LOGGED_LIVE, [*range(1, 15)])
    assert {"time/training_seconds", "test/accuracy", "test/recall/happy"} <= one.data.metrics.keys()
    assert (project / "mlflow.db").read_bytes() == local
