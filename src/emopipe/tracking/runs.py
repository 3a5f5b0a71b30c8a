"""One MLflow run per model and state, below one run per state."""

import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_folder
from emopipe.core.params import Params
from emopipe.core.state import StageRecord, StageState
from emopipe.tracking.error_text import error_text
from emopipe.tracking.index import RunIndex
from emopipe.tracking.logged_models import model_of_run
from emopipe.tracking.machine import describe_machine, machine_line, peak_memory, this_process
from emopipe.tracking.naming import (
    COMPLETE_TAG,
    KEY_TAG,
    LOGGED_LIVE,
    MODEL_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    REBUILT,
    SOURCE_TAG,
    STATE_TAG,
    flatten,
    own_params,
    run_name,
    valid_name,
)
from emopipe.tracking.origin import Origin, creation_tags, workspace_origin
from emopipe.tracking.store import connect, store_lock, store_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, RunInfo
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    from emopipe.tracking.data_sets import Locate

FIRST = "epoch/val_accuracy"
"""MLflow's page of comparison opens with the metric that the runs have logged first."""


class ModelRun:
    """The run of one model, as a context that ends as FINISHED, FAILED (the block raises) or KILLED (it is stopped).

    The first error of MLflow is printed on standard error, and nothing is logged after it: a store that is down costs
    no training, and `emopipe sync` adds the run later.
    """

    def __init__(
        self,
        root: Path,
        model: str,
        state: StageState,
        params: Params | Mapping[str, Any],
        *,
        parent: StageState | None = None,
        origin: Origin | None = None,
        locate: "Locate | None" = None,
    ) -> None:
        """parent: state of the run above, by default `state`. origin: by default that of the workspace.

        locate: of the tables of a new run, which get no schema and no counts without it.
        """
        self.root, self.key = root, state.key
        self._model, self._state, self._origin, self._locate = model, state, origin, locate
        values = asdict(params) if isinstance(params, Params) else params
        self._all_params, self._params = flatten(values), flatten(own_params(values, model))
        self._parent_state = parent or state
        self._index: RunIndex | None = None
        self._run_id = self._parent = ""
        self._resumed: RunInfo | None = None
        self._monitor: SystemMetricsMonitor | None = None
        self._started = time.monotonic()
        self.is_new = False

    def start(self) -> "ModelRun":
        """Begin the run of a training, in place of an incomplete one.

        A complete run is left alone and nothing is logged, since the same state gives the same metrics; so is one that
        another process is logging.
        """
        self._open(lambda index: None if index.find(self.key, deleted=False) else self._create(index, LOGGED_LIVE))
        self._attempt(self._monitor_system)
        return self

    def resume(self) -> "ModelRun":
        """Continue the run of this state, or begin one, see `is_new`."""

        def begin(index: RunIndex) -> None:
            self.is_new = not self._find(index)
            if self.is_new:
                self._create(index, REBUILT)

        self._open(begin)
        return self

    def find(self) -> "ModelRun":
        """Continue the complete run of this state; raises `WorkspaceError` if MLflow has none, or is down."""
        try:
            is_found = self._find(RunIndex(*connect(self.root)))
        except Exception as error:  # MLflow's stores raise errors of many libraries
            raise WorkspaceError(
                f"MLflow cannot be reached: check {store_name()}, then run `dvc repro` again ({error_text(error)})"
            ) from error
        if not is_found:
            raise WorkspaceError(
                f"MLflow has no run of {self._model} in this state: run `emopipe sync`, then `dvc repro`"
            )
        return self

    def complete(self) -> None:
        """Mark all epochs as logged, with duration and peak memory if the training was logged live."""
        if self._monitor is not None:
            self.log_metrics({"time/training_seconds": time.monotonic() - self._started} | peak_memory())
        self.set_tag(COMPLETE_TAG, "complete")

    def __enter__(self) -> "ModelRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._monitor is not None:
            self._monitor.finish()  # type: ignore[no-untyped-call]
        status, ended = "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED", None
        if self._resumed is not None:  # later stages do not change how the training ended
            status, ended = self._resumed.status, self._resumed.end_time
        self._attempt(lambda index, run: index.client.set_terminated(run, status, ended))
        self._attempt(lambda index, _: index.close(self._parent))

    def connection(self) -> "tuple[MlflowClient, str]":
        """The client and the id of an open run."""
        assert self._index is not None, "`find` comes first"
        return self._index.client, self._run_id

    @property
    def is_connected(self) -> bool:
        """Whether MLflow has accepted everything so far."""
        return self._index is not None

    def set_tag(self, name: str, value: str) -> None:
        """Set one tag."""
        self._attempt(lambda index, run: index.client.set_tag(run, name, value))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log finite metrics in one call."""
        ordered = dict(sorted(metrics.items(), key=lambda item: item[0] != FIRST))
        self._attempt(lambda index, run: index.client.log_batch(run, metrics=_points(ordered, step)))

    def log_model_metrics(self, metrics: Mapping[str, float], data: str) -> None:
        """Log metrics of the trained model on a data set; `data` is the path of an input of its training."""

        def log(index: RunIndex, run: str) -> None:
            scope = {
                "model_id": model_of_run(index.client, run),
                "dataset_name": data,
                "dataset_digest": self._state.inputs[data],
            }
            index.client.log_batch(run, metrics=_points(metrics, 0, **scope))

        self._attempt(log)

    def log_artifacts(self, folder: Path, target: str) -> None:
        """Copy the files of `folder`."""
        self._attempt(lambda index, run: index.client.log_artifacts(run, str(folder), target))

    def log_json(self, value: Mapping[str, Any], target: str) -> None:
        """Log `value` as a JSON file."""
        self._attempt(lambda index, run: index.client.log_dict(run, dict(value), target))

    def log_origin(self, origin: Origin) -> None:
        """Log commit and data as tags, and the whole origin as files below `origin/`."""
        self._attempt(lambda index, run: _log_origin(index.client, run, origin))

    def log_balance(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Log the training faces per class, `before` and `after` balancing, to the run of the state."""
        values = {f"train_faces/{when}/{name}": num for when, part in counts.items() for name, num in part.items()}
        self._attempt(lambda index, _: index.client.log_batch(self._parent, metrics=_points(values, 0)))
        self._attempt(lambda index, _: index.client.log_dict(self._parent, dict(counts), "class_balance.json"))

    def _create(self, index: RunIndex, source: str) -> None:
        index.delete(self.key)
        self._parent = index.parent(self._parent_state, self._all_params, creation_tags(self.root), self._locate)
        tags = {KEY_TAG: self.key, MODEL_TAG: self._model, STATE_TAG: self._parent_state.shared_key}
        tags |= {PARENT_TAG: self._parent, SOURCE_TAG: source, PROCESS_TAG: this_process(), **creation_tags(self.root)}
        origin = self._origin or workspace_origin(Path.cwd(), StageRecord(self._state))
        name = run_name(self._model, self._parent_state.shared_key, origin.experiment)
        params = {"model": self._model, **self._params}
        self._run_id = index.create(name, tags, params, self._state, self._locate)
        self._index = index
        _log_origin(index.client, self._run_id, origin)
        if source == LOGGED_LIVE:
            machine = describe_machine()
            index.client.log_dict(self._run_id, machine, "machine.json")
            index.client.set_tag(self._run_id, "emopipe.machine", machine_line(machine))

    def _find(self, index: RunIndex) -> bool:
        run = index.find(self.key)
        if run is None:
            return False
        self._index, self._resumed, self._run_id = index, run.info, run.info.run_id
        self._parent = index.parent(self._parent_state, self._all_params, creation_tags(self.root), self._locate)
        if run.data.tags.get(PARENT_TAG) != self._parent:
            index.client.set_tag(self._run_id, PARENT_TAG, self._parent)
        return True

    def _monitor_system(self, index: RunIndex, _: str) -> None:
        """Log the load of the machine to the run of the state: it is no metric by which models are compared."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)  # errors of the store are printed once, here
        index.client.update_run(self._parent, status="RUNNING")  # else the monitor ends
        self._monitor = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
            self._parent, resume_logging=True, tracking_uri=index.client.tracking_uri
        )
        self._monitor.start()  # type: ignore[no-untyped-call]

    def _open(self, begin: "Callable[[RunIndex], None]") -> None:
        try:
            index = RunIndex(*connect(self.root))
            with store_lock(self.root):  # two processes must not both create one run
                begin(index)
        except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
            self._disconnect(error)

    def _attempt(self, call: "Callable[[RunIndex, str], object]") -> None:
        if self._index is None:
            return
        try:
            call(self._index, self._run_id)
        except Exception as error:  # noqa: BLE001 - as above
            self._disconnect(error)

    def _disconnect(self, error: Exception) -> None:
        self._index = None
        print(f"MLflow cannot be reached, so {self._model} goes on unlogged ({error_text(error)})", file=sys.stderr)


def _points(metrics: Mapping[str, float], step: int, **scope: str) -> "list[Metric]":
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [
        Metric(valid_name(name), value, now, step, **scope) for name, value in metrics.items() if math.isfinite(value)
    ]


def _log_origin(client: "MlflowClient", run: str, origin: Origin) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run, tags=[RunTag(name, value) for name, value in origin.tags().items() if value])
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder) / "origin", origin.files())
        client.log_artifacts(run, f"{folder}/origin", "origin")
