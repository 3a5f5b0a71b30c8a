"""A run of MLflow as a projection of what DVC keeps: the same functions log it live and rebuild it later."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from emopipe.core.errors import ParamsError, WorkspaceError
from emopipe.core.files import read_json, read_parquet
from emopipe.core.params import Params, parse_params
from emopipe.core.state import StageRecord, StageState
from emopipe.faces.predictions import predictions_from_arrow
from emopipe.tracking.class_balance import class_balance
from emopipe.tracking.expected_runs import ExpectedRun
from emopipe.tracking.origin import Origin
from emopipe.tracking.outs import restore
from emopipe.tracking.report import Evaluation, log_evaluation, log_history
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.snapshots import Snapshot

Locate = Callable[[str, str], Path]
"""Where a file or folder lies that can be read, by its path in dvc.yaml and its hash."""


def rebuild(expected: ExpectedRun) -> None:
    """Log what MLflow lacks of one run; raises `WorkspaceError` where an out is gone, or MLflow does not take it."""
    last = expected.evaluated or expected.trained
    params = _parameters(expected.snapshot.params(last))
    with tempfile.TemporaryDirectory() as temporary:
        locate = partial(_restored, expected.snapshot, Path(temporary))
        run, _ = project(expected, locate, params=params, origin=expected.snapshot.origin(last))
    if not run.is_connected:
        raise WorkspaceError("MLflow does not take it, see above: run `emopipe sync` again when it does")


def project(
    expected: ExpectedRun, locate: Locate, *, params: Params | dict[str, Any], origin: Origin
) -> tuple[ModelRun, Evaluation | None]:
    """Log what the run lacks: its epochs where it is new, and the evaluation; the run, and what was evaluated.

    params: of the whole file. origin: of the last stage. Raises `WorkspaceError` where an out is gone; MLflow's own
    errors are printed once.
    """
    trained, evaluated = expected.trained, expected.evaluated
    history = None if expected.is_ensemble else _history(expected.model, trained, locate)
    done = _evaluation(expected.model, evaluated, locate, origin) if evaluated else None
    with ModelRun(
        expected.snapshot.root, expected.model, trained.state, params, parent=expected.parent, origin=origin
    ).resume() as run:
        if run.is_new or run.has_new_parent:
            run.log_balance(classes_of_training(expected.parent, locate))
        if run.is_new and history is not None:
            log_history(run, history)
        elif run.is_new:
            run.complete()
        if done:
            log_evaluation(run, done)
    return run, done


def classes_of_training(state: StageState, locate: Locate) -> dict[str, dict[str, int]]:
    """Faces of each class before and after balancing, from the training set that a training takes in."""
    path = next(path for path in state.inputs if path.endswith("train.parquet"))
    table = pq.read_table(locate(path, state.inputs[path]), columns=["label", "origin"])
    return class_balance(table.to_pandas())


def _history(model: str, trained: StageRecord, locate: Locate) -> pd.DataFrame:
    return pd.read_csv(_out(trained, f"/{model}", locate) / "history.csv")


def _evaluation(model: str, record: StageRecord, locate: Locate, origin: Origin) -> Evaluation:
    return Evaluation(
        key=record.state.key,
        origin=origin,
        report=read_json(_out(record, f"reports/evaluate/{model}.json", locate)),
        predictions=predictions_from_arrow(read_parquet(_out(record, f"/{model}.parquet", locate))),
        figures=_out(record, f"reports/figures/{model}", locate),
        data=next(path for path in record.state.inputs if path.endswith("clean.parquet")),
    )


def _out(record: StageRecord, ending: str, locate: Locate) -> Path:
    """The out of `record` whose path ends so."""
    path = next(path for path in record.outs if path.endswith(ending))
    return locate(path, record.outs[path])


def _restored(snapshot: Snapshot, folder: Path, path: str, md5: str) -> Path:
    restore(snapshot.root, path, md5, folder / path, snapshot.commit)
    return folder / path


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    """As a stage logs them; those of an earlier version of params.yaml as they stand."""
    try:
        return asdict(parse_params(values))
    except ParamsError:
        return values
