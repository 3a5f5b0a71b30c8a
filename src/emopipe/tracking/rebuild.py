"""An MLflow run as a projection of DVC's outs, live and later, by the same functions."""

import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from emopipe.core.errors import ParamsError, WorkspaceError
from emopipe.core.files import read_json, read_parquet
from emopipe.core.params import Params, parse_params
from emopipe.core.state import StageRecord, StageState, project_root, stage_record, stage_state
from emopipe.faces.predictions import predictions_from_arrow
from emopipe.tracking.data_sets import Locate
from emopipe.tracking.expected_runs import ExpectedRun
from emopipe.tracking.origin import Origin
from emopipe.tracking.outs import restore
from emopipe.tracking.report import Evaluation, log_evaluation, log_history
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.snapshots import Snapshot


def rebuild(expected: ExpectedRun) -> None:
    """Log what MLflow lacks of one run; raises `WorkspaceError` if an out is lost, or MLflow fails."""
    last = expected.evaluated or expected.trained
    params = _parameters(expected.snapshot.params(last))
    with tempfile.TemporaryDirectory() as temporary:
        locate = partial(_restored, expected.snapshot, Path(temporary))
        run, _ = project(expected, locate, params=params, origin=expected.snapshot.origin(last))
    if not run.is_connected:
        raise WorkspaceError("MLflow fails, see above: run `emopipe sync` again")


def project(
    expected: ExpectedRun, locate: Locate, *, params: Params | dict[str, Any], origin: Origin
) -> tuple[ModelRun, Evaluation | None]:
    """Log the epochs of a run that is new, and the evaluation; the run and the evaluation.

    params: all sections. origin: of the last stage. Raises `WorkspaceError` if an out is lost; the first error of
    MLflow is printed.
    """
    trained, evaluated = expected.trained, expected.evaluated
    history = None
    if not expected.is_ensemble:
        history = pd.read_csv(_out(trained, f"/{expected.model}", locate) / "history.csv")
    evaluation = _evaluation(expected.model, evaluated, locate, origin) if evaluated else None
    root, model = expected.snapshot.root, expected.model
    with ModelRun(
        root, model, trained.state, params, parent=expected.parent, origin=origin, locate=locate
    ).resume() as run:
        run.log_balance(class_balance(expected.parent, locate))
        if run.is_new and history is not None:
            log_history(run, history)
        elif run.is_new:
            run.complete()
        if evaluation:
            log_evaluation(run, evaluation)
    return run, evaluation


def workspace_run(stage: str, params: Params) -> ExpectedRun:
    """The run of a model in the workspace; `stage` is `evaluate@MODEL` or `ensemble@NAME`, which has run."""
    root, model = Path.cwd(), stage.partition("@")[2]
    record = stage_record(stage, root)
    if model in params.ensembles:  # all members have the same state
        trained, parent = record, stage_state(f"train@{params.ensembles[model][0]}", root)
    else:
        trained = stage_record(f"train@{model}", root)
        parent = trained.state
    return ExpectedRun(model, trained, record, parent, Snapshot(project_root()))


def class_balance(state: StageState, locate: Locate) -> dict[str, dict[str, int]]:
    """Faces per class `before` and `after` balancing, in the training set that a training reads."""
    path = next(path for path in state.inputs if path.endswith("train.parquet"))
    rows = pq.read_table(locate(path, state.inputs[path]), columns=["label", "origin"]).to_pandas()
    parts = {"before": rows[rows["origin"] == "real"], "after": rows}
    return {when: {str(k): int(n) for k, n in part["label"].value_counts().items()} for when, part in parts.items()}


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
    """The out of `record` whose path has this ending."""
    path = next(path for path in record.outs if path.endswith(ending))
    return locate(path, record.outs[path])


def _restored(snapshot: Snapshot, folder: Path, path: str, md5: str) -> Path:
    if not (folder / path).exists():
        restore(snapshot.root, path, md5, folder / path, snapshot.commit)
    return folder / path


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    """All parameters as a stage logs them; those of an earlier version of params.yaml unchanged."""
    try:
        return asdict(parse_params(values))
    except ParamsError:
        return values
