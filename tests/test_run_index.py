"""Runs are found by the keys of their states: after a lost process, a deleted parent, a deleted run."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from emopipe.tracking.machine import has_ended, this_process
from emopipe.tracking.naming import LOGGED_LIVE, PROCESS_TAG, REBUILT
from emopipe.tracking.store import connect
from emopipe.tracking.sync import sync
from test_tracking import OTHER, STATE, model_run, new_store, own_stores, root, stored

__all__ = ["new_store", "own_stores", "root"]
ENSEMBLE = replace(STATE, stage="ensemble@both", params={}, inputs={"build/predictions": "f" * 32})


def parents(root):
    from emopipe.tracking.index import RunIndex

    return RunIndex(*connect(root)).parents()


def train(root, state=STATE):
    with model_run(root, state).start() as run:
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.complete()
    return run.connection()


@pytest.fixture
def other_process():
    """A process that lives until the end of the test."""
    code = "import sys; from emopipe.tracking.machine import this_process; print(this_process(), flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.name = process.stdout.readline().strip()
        yield process
        process.kill()


@pytest.mark.slow
def test_models_of_one_state_stand_below_one_run(root):
    for state in (STATE, replace(STATE, stage="train@resnet18"), OTHER):
        train(root, state)
    with model_run(root, ENSEMBLE).resume():
        pass
    found = {run.info.run_id: run.data.tags["emopipe.state"] for run in parents(root)}
    assert sorted(found.values()) == sorted([STATE.shared_key, OTHER.shared_key, ENSEMBLE.shared_key])
    for run in stored(root):
        assert found[run.data.tags["mlflow.parentRunId"]] == run.data.tags["emopipe.state"]
    assert {run.info.status for run in parents(root)} == {"FINISHED"}


@pytest.mark.slow
def test_an_ensemble_stands_with_its_members(root):
    train(root)
    with model_run(root, ENSEMBLE, parent=STATE).resume():
        pass
    assert len(parents(root)) == 1


@pytest.mark.slow
def test_a_state_has_the_balance_of_its_classes(root):
    with model_run(root).start() as run:
        run.log_balance({"before": {"happy": 9, "sad": 1}, "after": {"happy": 9, "sad": 9}})
    (parent,) = parents(root)
    assert parent.data.metrics["train_faces/before/sad"] == 1
    assert parent.data.metrics["train_faces/after/sad"] == 9


@pytest.mark.slow
def test_a_deleted_run_is_restored_by_a_later_stage(root):
    client, run_id = train(root)
    client.delete_run(run_id)
    with model_run(root).resume() as run:
        assert not run.is_new
    assert [found.info.run_id for found in stored(root)] == [run_id]


@pytest.mark.slow
def test_a_deleted_parent_is_restored(root):
    client, _ = train(root)
    (parent,) = parents(root)
    client.delete_run(parent.info.run_id)
    with model_run(root).resume():
        pass
    assert [found.info.run_id for found in parents(root)] == [parent.info.run_id]


@pytest.mark.slow
def test_a_run_that_is_deleted_while_it_is_logged_costs_a_line_and_nothing_else(root, capsys):
    with model_run(root).start() as run:
        client, run_id = run.connection()
        client.delete_run(run_id)
        run.log_metrics({"epoch/val_loss": 1.0}, step=1)
        run.log_metrics({"epoch/val_loss": 0.5}, step=2)
        run.complete()
    assert capsys.readouterr().err.count("\n") == 1
    assert stored(root) == []


def test_a_process_is_alive_or_has_ended(other_process):
    assert not has_ended(this_process())
    assert not has_ended(other_process.name)
    other_process.kill()
    other_process.wait()
    assert has_ended(other_process.name)
    machine, pid, started = this_process().split("/")
    assert has_ended(f"{machine}/{pid}/{float(started) - 100}"), "another process has its id"
    assert not has_ended(f"another-{machine}/1/1.0"), "another machine"


@pytest.mark.slow
def test_a_run_that_a_living_process_logs_is_left_to_it(root, other_process):
    run = model_run(root).start()
    client, run_id = run.connection()
    client.set_tag(run_id, PROCESS_TAG, other_process.name)
    with model_run(root).start() as second:
        assert not second.is_connected
    assert [(found.info.run_id, found.info.status) for found in stored(root)] == [(run_id, "RUNNING")]
    assert sync(root).done == []
    run._monitor.finish()


@pytest.mark.slow
def test_a_run_whose_process_has_ended_ends_as_killed(root, other_process):
    run = model_run(root).start()
    client, run_id = run.connection()
    client.set_tag(run_id, PROCESS_TAG, other_process.name)
    other_process.kill()
    other_process.wait()
    name = stored(root)[0].info.run_name
    assert (
        f"{name} is left as running by a process that has ended: `emopipe sync`" in sync(root, check_only=True).problems
    )
    assert sync(root).done[0] == f"{name} is left as running by a process that has ended: repaired"
    assert [found.info.status for found in stored(root)] == ["KILLED"]
    assert [found.info.status for found in parents(root)] == ["FINISHED"]
    run._monitor.finish()


@pytest.mark.slow
def test_a_tag_tells_runs_logged_live_from_rebuilt_ones(root):
    train(root)
    with model_run(root, OTHER).resume() as run:
        run.complete()
    rebuilt, live = stored(root)
    assert (live.data.tags["emopipe.source"], rebuilt.data.tags["emopipe.source"]) == (LOGGED_LIVE, REBUILT)
    assert live.data.metrics["memory/peak_mib"] > 50
    assert "time/training_seconds" in live.data.metrics
    assert not [name for name in rebuilt.data.metrics if name.startswith(("time/", "memory/", "system/"))]
    assert "emopipe.machine" in live.data.tags
    assert "emopipe.machine" not in rebuilt.data.tags


@pytest.mark.slow
def test_the_load_of_all_trainings_is_logged_to_the_run_of_their_state(root, monkeypatch):
    import time

    def points():
        return client.get_metric_history(parents(root)[0].info.run_id, "system/cpu_utilization_percentage")

    client, _ = connect(root)
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    for model, num_points in (("cnn", 1), ("resnet18", 3)):
        with model_run(root, replace(STATE, stage=f"train@{model}")).start() as run:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and len(points()) < num_points:
                time.sleep(0.2)
            run.complete()
        assert [found.info.status for found in parents(root)] == ["FINISHED"]
    steps = [point.step for point in points()]
    assert steps == list(range(len(steps)))
    assert len(steps) >= 3
    assert [name for run in stored(root) for name in run.data.metrics if name.startswith("system/")] == []


def test_a_check_searches_the_store_once_for_each_question_and_a_repair_each_time():
    from emopipe.tracking.index import RunIndex

    searched = []
    client = SimpleNamespace(search_runs=lambda _, query, *rest: searched.append(query) or [])
    for answers, expected in (({}, 2), (None, 4)):
        searched.clear()
        index = RunIndex(client, "1", answers=answers)
        assert [index.models(), index.parents(), index.models(), index.parents()] == [[]] * 4
        assert len(searched) == expected
