"""A run made again from the outs that DVC keeps, by the functions that the stages themselves log with."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from emopipe.errors import ParamsError, WorkspaceError
from emopipe.files import read_json, read_parquet
from emopipe.params import parse_params
from emopipe.predictions import predictions_from_arrow
from emopipe.tracking.class_balance import class_balance
from emopipe.tracking.outs import restore
from emopipe.tracking.plan import Wanted
from emopipe.tracking.report import Evaluation, log_evaluation, log_history
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import StageRecord


def rebuild(wanted: Wanted) -> None:
    """Log what MLflow lacks of one run; raises `WorkspaceError` where an out is gone, or MLflow does not take it."""
    last = wanted.evaluated or wanted.trained
    root = wanted.snapshot.root
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        history = None if wanted.is_ensemble else _history(wanted, folder)
        balance = _balance(wanted, folder)
        done = wanted.evaluated and _evaluation(wanted, wanted.evaluated, folder)
        origin = done.origin if done else wanted.snapshot.origin(last)
        params = _parameters(wanted.snapshot.params(last))
        with ModelRun(
            root, wanted.model, wanted.trained.state, params, parent=wanted.parent, origin=origin
        ).resume() as run:
            run.log_balance(balance)
            if run.is_new and history is not None:
                log_history(run, history)
            elif run.is_new:
                run.complete()
            if done:
                log_evaluation(run, done)
    if not run.is_connected:
        raise WorkspaceError("MLflow does not take it, see above: run `emopipe sync` again when it does")


def _history(wanted: Wanted, folder: Path) -> pd.DataFrame:
    return pd.read_csv(_take(wanted, wanted.trained, f"/{wanted.model}", folder) / "history.csv")


def _balance(wanted: Wanted, folder: Path) -> dict[str, dict[str, int]]:
    path = next(path for path in wanted.parent.inputs if path.endswith("train.parquet"))
    restore(wanted.snapshot.root, path, wanted.parent.inputs[path], folder / path)
    return class_balance(pq.read_table(folder / path, columns=["label", "origin"]).to_pandas())


def _evaluation(wanted: Wanted, record: StageRecord, folder: Path) -> Evaluation:
    return Evaluation(
        key=record.state.key,
        origin=wanted.snapshot.origin(record),
        report=read_json(_take(wanted, record, f"reports/evaluate/{wanted.model}.json", folder)),
        predictions=predictions_from_arrow(read_parquet(_take(wanted, record, f"/{wanted.model}.parquet", folder))),
        figures=_take(wanted, record, f"reports/figures/{wanted.model}", folder),
        data=next(path for path in record.state.inputs if path.endswith("clean.parquet")),
    )


def _take(wanted: Wanted, record: StageRecord, ending: str, folder: Path) -> Path:
    """Restore the out of `record` whose path ends so; where it lies then."""
    path = next(path for path in record.outs if path.endswith(ending))
    restore(wanted.snapshot.root, path, record.outs[path], folder / path, wanted.snapshot.commit)
    return folder / path


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    """As a stage logs them; those of an earlier version of params.yaml as they stand."""
    try:
        return asdict(parse_params(values))
    except ParamsError:
        return values
