"""Faults of the store: none stops a training, and each leaves a store that `emopipe sync` can complete."""

import resource
import subprocess
import sys

import pytest

from emopipe.tracking.naming import EVALUATION_TAG
from emopipe.tracking.store import connect
from mlflow_server import MlflowServer
from projects import ROOT, forking
from test_tracking import OTHER, STATE, metrics, model_run, new_store, own_stores, root, stored

__all__ = ["new_store", "own_stores", "root"]
UNREACHABLE = "MLflow cannot be reached, so cnn goes on unlogged ("
QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}

TRAINING = """
import resource, sys
from pathlib import Path
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
from emopipe.core.params import load_params
from emopipe.tracking.runs import ModelRun
from emopipe.core.state import StageState

state = StageState("train@cnn", {"train.epochs": int(sys.argv[1])}, {})
with ModelRun(Path.cwd(), "cnn", state, load_params(Path(sys.argv[2]))).start() as run:
    for epoch in range(1, 21):
        run.log_metrics({f"epoch/{name}": 1 / epoch for name in ("train_loss", "val_loss", "val_accuracy")}, step=epoch)
    run.complete()
print("trained", run.is_connected)
"""


def start_training(root, number, *max_bytes):
    command = ["python", "-c", TRAINING, str(number), str(ROOT / "params.yaml"), *map(str, max_bytes)]
    own = forking(root, PYTHONPATH=str(ROOT / "src"))
    return subprocess.Popen(command, cwd=root, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def server(root, monkeypatch):
    """A server of the store in `root`, to be stopped and started."""
    store = ["--backend-store-uri", f"sqlite:///{root}/mlflow.db", "--artifacts-destination", f"{root}/files"]
    made = MlflowServer(root, sys.executable, "-m", "mlflow", "server", "--workers", "1", *store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.address)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the sockets of a server that was killed
def test_a_server_that_is_down_at_the_start_in_the_middle_or_at_the_end_costs_a_line(root, server, capsys):
    with model_run(root).start() as run:  # down from the start
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.complete()
    server.start()
    with model_run(root, OTHER).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        server.stop()  # in the middle
        run.log_metrics({"epoch/val_loss": 0.5}, step=2)
        run.log_metrics({"epoch/val_loss": 0.4}, step=3)
        run.complete()
    server.start()
    with model_run(root).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.complete()
        server.stop()  # at the end: the run stays RUNNING
    lines = capsys.readouterr().err.splitlines()
    assert [line[: len(UNREACHABLE)] for line in lines] == [UNREACHABLE] * 3
    server.start()
    for state in (STATE, OTHER):
        with model_run(root, state).resume() as run:  # as evaluate and sync do
            assert run.is_new
            run.log_metrics({"epoch/val_loss": 1.0}, step=1)
            run.complete()
    assert [(found.info.status, metrics(found)) for found in stored(root)] == [
        ("FINISHED", {"epoch/val_loss": 1.0})
    ] * 2


@pytest.mark.slow
def test_a_disk_that_is_full_costs_a_line_and_leaves_the_store_whole(root):
    """No file may grow beyond the store's own size: what a full disk does to it, on any system."""
    size = (root / "mlflow.db").stat().st_size
    process = start_training(root, 1, size + 4096)
    said, warned = process.communicate()
    assert said == "trained False\n", warned
    assert [line[: len(UNREACHABLE)] for line in warned.splitlines()] == [UNREACHABLE]
    said, warned = start_training(root, 1).communicate()
    assert (said, warned) == ("trained True\n", "")
    assert [found.info.status for found in stored(root)] == ["FINISHED"]


@pytest.mark.slow
def test_an_artifact_that_does_not_fit_leaves_the_evaluation_undone(root, capsys):
    """The limit holds for this process; it is taken back at once."""
    (root / "figures").mkdir()
    (root / "figures" / "large.png").write_bytes(bytes(2**22))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with model_run(root).resume() as run:
        run.complete()
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, before[1]))
        try:
            run.log_artifacts(root / "figures", "figures")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        run.set_tag(EVALUATION_TAG, "key")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{UNREACHABLE}[Errno 27] File too large: ")
    assert EVALUATION_TAG not in stored(root)[0].data.tags


@pytest.mark.slow
def test_two_pipelines_can_log_to_one_store_at_once(root):
    """Two states, and one of them twice: each state is one run, and each run has all epochs."""
    processes = [start_training(root, number) for number in (1, 2, 2)]
    written = [process.communicate() for process in processes]
    assert [warned for _, warned in written] == [""] * 3
    assert sorted(said for said, _ in written) in (
        ["trained False\n", "trained True\n", "trained True\n"],  # the twin found its state in work, or complete
    )
    client, _ = connect(root)
    assert len(stored(root)) == 2
    for run in stored(root):
        assert run.info.status == "FINISHED"
        steps = client.get_metric_history(run.info.run_id, "epoch/val_loss")
        assert [point.step for point in steps] == list(range(1, 21))


@pytest.mark.slow
def test_a_store_that_is_wiped_between_two_stages_is_filled_anew(root):
    assert start_training(root, 1).communicate() == ("trained True\n", "")
    for file in root.glob("mlflow.db*"):
        file.unlink()
    with model_run(root).resume() as run:
        assert run.is_new
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.complete()
    assert [metrics(found) for found in stored(root)] == [{"epoch/val_loss": 1.0}]


@pytest.mark.slow
def test_a_store_that_is_no_database_is_one_line(root, capsys):
    (root / "mlflow.db").write_bytes(b"rubbish" * 1000)
    with model_run(root).start() as run:
        run.complete()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(UNREACHABLE)
