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

from filelock import FileLock

from emopipe.core.errors import WorkspaceError
from emopipe.core.params import Params
from emopipe.core.state import StageRecord, StageState
from emopipe.tracking.error_text import error_text
from emopipe.tracking.index import RunIndex
from emopipe.tracking.machine import describe_machine, machine_line, peak_memory, this_process
from emopipe.tracking.naming import (
    COMPLETE_TAG,
    EVALUATION_TAG,
    KEY_TAG,
    MODEL_TAG,
    NOTE_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    REBUILT,
    SOURCE_TAG,
    STATE_TAG,
    WATCHED,
    allowed,
    flat,
    run_name,
)
from emopipe.tracking.origin import Origin, workspace_origin
from emopipe.tracking.store import connect, lock_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, RunInfo
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

LOGGED_MODEL_TAG = "emopipe.logged_model"
Scope = tuple[str, str]
"""Name and digest of a data set."""


class ModelRun:
    """The run of one model, as a context that ends as FINISHED, FAILED (the block raises) or KILLED (it is stopped).

    Whatever MLflow refuses is said once on standard error, and the rest is skipped: a store that is down costs no
    training, and `emopipe sync` makes up for it.
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
    ) -> None:
        """`parent` is of a model whose state is shared (its own by default), `origin` of a state that is not here."""
        self.root, self.key = root, state.key
        self._model, self._state, self._origin = model, state, origin
        self._params = flat(asdict(params) if isinstance(params, Params) else params)
        self._parent_state = parent or state
        self._index: RunIndex | None = None
        self._run_id = self._parent = ""
        self._before: RunInfo | None = None  # of a run that is resumed
        self._monitor: SystemMetricsMonitor | None = None
        self._started = time.monotonic()
        self.is_new = self.has_new_parent = False

    def start(self) -> "ModelRun":
        """Begin the run of a training, in place of one that is not complete.

        A complete one stays as it is, and nothing is logged: the same state gives the same figures. So does one that
        another process is logging.
        """
        self._open(lambda index: None if index.take(self.key, deleted=False) else self._create(index, watched=True))
        self._attempt(self._watch)
        return self

    def resume(self) -> "ModelRun":
        """Go on in the run of this state; where there is none one is begun, see `is_new`."""

        def begin(index: RunIndex) -> None:
            self.is_new = not self._take(index)
            if self.is_new:
                self._create(index, watched=False)

        self._open(begin)
        return self

    def find(self) -> "ModelRun":
        """Go on in the complete run of this state; raises `WorkspaceError` where MLflow has none, or is down."""
        try:
            taken = self._take(RunIndex(*connect(self.root)))
        except Exception as error:  # as in `_open`
            raise WorkspaceError(
                f"MLflow cannot be reached: check MLFLOW_TRACKING_URI, then run `dvc repro` again ({error_text(error)})"
            ) from error
        if not taken:
            raise WorkspaceError(
                f"MLflow has no run of {self._model} in this state: run `emopipe sync`, then `dvc repro`"
            )
        return self

    def complete(self) -> None:
        """Say that all epochs are logged, and what they took."""
        if self._monitor is not None:
            self.log_metrics({"time/training_seconds": time.monotonic() - self._started} | peak_memory())
        self._attempt(lambda index, run: index.client.set_tag(run, COMPLETE_TAG, "complete"))

    def evaluated(self, key: str) -> None:
        """Say that the figures of the evaluation with this key are all logged."""
        self._attempt(lambda index, run: index.client.set_tag(run, EVALUATION_TAG, key))

    def __enter__(self) -> "ModelRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._monitor is not None:
            self._monitor.finish()  # type: ignore[no-untyped-call]
        if self._before is None:
            status = "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"
            self._attempt(lambda index, run: index.client.set_terminated(run, status))
        else:  # later stages do not change how it ended
            before = self._before
            self._attempt(lambda index, run: index.client.set_terminated(run, before.status, before.end_time))
        self._attempt(lambda index, _: index.close(self._parent))

    def connection(self) -> "tuple[MlflowClient, str]":
        """The client and the id of a run that was found."""
        assert self._index is not None, "`find` comes first"
        return self._index.client, self._run_id

    @property
    def is_connected(self) -> bool:
        """Whether MLflow has taken everything so far."""
        return self._index is not None

    def describe(self, markdown: str) -> None:
        """Set the text on the run's page."""
        self._attempt(lambda index, run: index.client.set_tag(run, NOTE_TAG, markdown))

    def set_tag(self, name: str, value: str) -> None:
        """Set one tag."""
        self._attempt(lambda index, run: index.client.set_tag(run, name, value))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log figures in one call; those that are not finite are left out."""
        self._attempt(lambda index, run: index.client.log_batch(run, metrics=_points(metrics, step)))

    def log_figures(self, metrics: Mapping[str, float], data: str) -> None:
        """Log figures of the finished model together with what they were measured on: an input of its training."""

        def log(index: RunIndex, run: str) -> None:
            points = _points(metrics, 0, model=self._logged_model(index, run), data=(data, self._state.inputs[data]))
            index.client.log_batch(run, metrics=points)

        self._attempt(log)

    def log_artifacts(self, folder: Path, target: str) -> None:
        """Copy the files of `folder`."""
        self._attempt(lambda index, run: index.client.log_artifacts(run, str(folder), target))

    def log_json(self, value: Mapping[str, Any], target: str) -> None:
        """Keep `value` as a JSON file."""
        self._attempt(lambda index, run: index.client.log_dict(run, dict(value), target))

    def log_origin(self, origin: Origin) -> None:
        """Tag the run with its commit and data, and keep what it takes to make it again under `origin/`."""
        self._attempt(lambda index, run: _log_origin(index.client, run, origin))

    def log_balance(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Log how many faces each class has to train on, `before` and `after` balancing, with the state."""
        values = {f"train_faces/{when}/{name}": num for when, part in counts.items() for name, num in part.items()}
        self._attempt(lambda index, _: index.client.log_batch(self._parent, metrics=_points(values, 0)))
        self._attempt(lambda index, _: index.client.log_dict(self._parent, dict(counts), "class_balance.json"))

    def _create(self, index: RunIndex, *, watched: bool) -> None:
        index.clear(self.key)
        self._parent, self.has_new_parent = index.parent(self._parent_state, self._params)
        tags = {KEY_TAG: self.key, MODEL_TAG: self._model, STATE_TAG: self._parent_state.shared_key}
        tags |= {PARENT_TAG: self._parent, SOURCE_TAG: WATCHED if watched else REBUILT}
        tags |= {PROCESS_TAG: this_process()}
        origin = self._origin or workspace_origin(Path.cwd(), StageRecord(self._state))
        name = run_name(self._model, self._parent_state.shared_key, origin.experiment)
        self._run_id = index.create(name, tags, {"model": self._model, **self._params}, self._state)
        self._index = index
        _log_origin(index.client, self._run_id, origin)
        if watched:
            machine = describe_machine()
            index.client.log_dict(self._run_id, machine, "machine.json")
            index.client.set_tag(self._run_id, "emopipe.machine", machine_line(machine))

    def _take(self, index: RunIndex) -> bool:
        run = index.take(self.key)
        if run is not None:
            self._index, self._before, self._run_id = index, run.info, run.info.run_id
            self._parent, self.has_new_parent = index.parent(self._parent_state, self._params)
            if run.data.tags.get(PARENT_TAG) != self._parent:
                index.client.set_tag(self._run_id, PARENT_TAG, self._parent)
        return run is not None

    def _watch(self, index: RunIndex, run: str) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)  # what MLflow refuses is said once, here
        self._monitor = SystemMetricsMonitor(run, tracking_uri=index.client.tracking_uri)  # type: ignore[no-untyped-call]
        self._monitor.start()  # type: ignore[no-untyped-call]

    def _logged_model(self, index: RunIndex, run: str) -> str:
        """The entry by which MLflow compares models on a data set; its id."""
        from mlflow.entities import LoggedModelOutput

        client = index.client
        found = client.get_run(run).data.tags.get(LOGGED_MODEL_TAG)
        if found is None:
            tags = {"mlflow.model.isExternal": "true"}  # its files are DVC's outs
            made = client.create_logged_model(index.experiment, self._model, run, tags, self._params, "classifier")
            found = client.finalize_logged_model(made.model_id, "READY").model_id
            client.log_outputs(run, [LoggedModelOutput(found, 0)])
            client.set_tag(run, LOGGED_MODEL_TAG, found)
        return str(found)

    def _open(self, begin: "Callable[[RunIndex], None]") -> None:
        try:
            index = RunIndex(*connect(self.root))
            with FileLock(lock_path(self.root)):  # two that look for one run must not both make it
                begin(index)
        except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
            self._give_up(error)

    def _attempt(self, call: "Callable[[RunIndex, str], object]") -> None:
        if self._index is None:
            return
        try:
            call(self._index, self._run_id)
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._index = None
        print(f"MLflow cannot be reached, so {self._model} goes on unlogged ({error_text(error)})", file=sys.stderr)


def _points(
    metrics: Mapping[str, float], step: int, *, model: str | None = None, data: Scope | None = None
) -> "list[Metric]":
    from mlflow.entities import Metric

    now, (name, digest) = int(time.time() * 1000), data or (None, None)
    return [
        Metric(allowed(key), value, now, step, model_id=model, dataset_name=name, dataset_digest=digest)
        for key, value in metrics.items()
        if math.isfinite(value)
    ]


def _log_origin(client: "MlflowClient", run: str, origin: Origin) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run, tags=[RunTag(name, value) for name, value in origin.tags().items() if value])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in origin.files().items():
            (Path(folder) / name).write_bytes(content)
        client.log_artifacts(run, folder, "origin")
