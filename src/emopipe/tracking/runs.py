"""One MLflow run per model and state."""

import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from emopipe.errors import WorkspaceError
from emopipe.params import Params
from emopipe.tracking.state import StageState
from emopipe.tracking.store import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, RunInfo

KEY_TAG, MODEL_TAG = "emopipe.key", "emopipe.model"
COMPLETE_TAG = "emopipe.history"  # set once all epochs are logged
NOTE_TAG = "mlflow.note.content"  # what MLflow's pages show
BATCH = 100  # parameters that MLflow takes in one call


class ModelRun:
    """The run of one model, as a context that ends as FINISHED, FAILED (the block raises) or KILLED (it is stopped).

    Whatever MLflow refuses is said once on standard error, and the rest is skipped: a store that is down costs no
    training.
    """

    def __init__(self, root: Path, model: str, state: StageState, params: Params) -> None:
        self._root, self._model, self._state, self._params = root, model, state, params
        self._client: MlflowClient | None = None
        self._run_id = ""
        self._before: RunInfo | None = None  # of a run that is resumed

    def start(self) -> "ModelRun":
        """Begin the run of a training, in place of one that is not complete.

        A complete one stays as it is, and nothing is logged: the same state gives the same figures.
        """
        self._open(
            lambda client, experiment: None if self._find(client, experiment) else self._create(client, experiment)
        )
        return self

    def resume(self) -> "ModelRun":
        """Go on in the complete run of this state; where there is none one is begun, see `is_new`."""

        def begin(client: "MlflowClient", experiment: str) -> None:
            self.is_new = not self._take(client, experiment)
            if self.is_new:
                self._create(client, experiment)

        self.is_new = False
        self._open(begin)
        return self

    def find(self) -> "ModelRun":
        """Go on in the complete run of this state; raises `WorkspaceError` where MLflow has none, or is down."""
        try:
            taken = self._take(*connect(self._root))
        except Exception as error:  # as in `_open`
            reason = " ".join(str(error).split())[:200]
            raise WorkspaceError(
                f"MLflow cannot be reached: check MLFLOW_TRACKING_URI, then run `dvc repro` again ({reason})"
            ) from error
        if not taken:
            raise WorkspaceError(
                f"MLflow has no run of {self._model} in this state: "
                f"run `dvc repro --force --single-item evaluate@{self._model}`, then `dvc repro`"
            )
        return self

    def complete(self) -> None:
        """Say that all epochs are logged."""
        self._attempt(lambda client, run: client.set_tag(run, COMPLETE_TAG, "complete"))

    def __enter__(self) -> "ModelRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"
        ended = None
        if self._before is not None:
            status, ended = self._before.status, self._before.end_time  # later stages do not change how it ended
        self._attempt(lambda client, run: client.set_terminated(run, status, ended))

    def connection(self) -> "tuple[MlflowClient, str]":
        """The client and the id of a run that was found."""
        assert self._client is not None, "`find` comes first"
        return self._client, self._run_id

    def describe(self, markdown: str) -> None:
        """Set the text on the run's page."""
        self._attempt(lambda client, run: client.set_tag(run, NOTE_TAG, markdown))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log figures in one call; those that are not finite are left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        values = [Metric(_allowed(name), value, now, step) for name, value in metrics.items() if math.isfinite(value)]
        self._attempt(lambda client, run: client.log_batch(run, metrics=values))

    def log_artifacts(self, folder: Path, target: str) -> None:
        """Copy the files of `folder`."""
        self._attempt(lambda client, run: client.log_artifacts(run, str(folder), target))

    def log_json(self, value: Mapping[str, Any], target: str) -> None:
        """Keep `value` as a JSON file."""
        self._attempt(lambda client, run: client.log_dict(run, dict(value), target))

    def _create(self, client: "MlflowClient", experiment: str) -> None:
        from mlflow.entities import Param

        tags = {KEY_TAG: self._state.key, MODEL_TAG: self._model}
        run = client.create_run(experiment, tags=tags, run_name=self._name()).info.run_id
        values = {"model": self._model, **_flat(asdict(self._params))}
        params = [Param(_allowed(name), str(value)) for name, value in values.items()]
        for first in range(0, len(params), BATCH):
            client.log_batch(run, params=params[first : first + BATCH])
        client.log_inputs(run, _data_sets(self._state.inputs))
        self._client, self._run_id = client, run

    def _name(self) -> str:
        """The model, and the DVC experiment that it belongs to, if any."""
        return f"{self._model} {os.environ.get('DVC_EXP_NAME', '')}".strip()

    def _find(self, client: "MlflowClient", experiment: str) -> "RunInfo | None":
        """The complete run of this state; those that are not are deleted."""
        found = client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{self._state.key}'")
        complete = [run.info for run in found if run.info.status == "FINISHED" and COMPLETE_TAG in run.data.tags]
        for run in found:
            if not complete:
                client.delete_run(run.info.run_id)
        return complete[0] if complete else None

    def _take(self, client: "MlflowClient", experiment: str) -> bool:
        self._before = self._find(client, experiment)
        if self._before is not None:
            self._client, self._run_id = client, self._before.run_id
        return self._before is not None

    def _open(self, begin: "Callable[[MlflowClient, str], None]") -> None:
        try:
            begin(*connect(self._root))
        except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
            self._give_up(error)

    def _attempt(self, call: "Callable[[MlflowClient, str], object]") -> None:
        if self._client is None:
            return
        try:
            call(self._client, self._run_id)
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._client = None
        reason = " ".join(str(error).split())[:200]
        print(f"MLflow cannot be reached, so {self._model} goes on unlogged ({reason})", file=sys.stderr)


def _data_sets(inputs: Mapping[str, str]) -> "list[DatasetInput]":
    """The tables among the inputs (path to DVC's hash, which becomes the digest); `build/train.parquet` is `train`."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return [
        DatasetInput(
            Dataset(path, digest, "local", json.dumps({"uri": path})),
            tags=[InputTag("mlflow.data.context", Path(path).stem)],
        )
        for path, digest in inputs.items()
        if path.endswith(".parquet")
    ]


def _allowed(name: str) -> str:
    """`name` as MLflow takes it: it refuses, for one, the brackets of a class `contempt (mild)`."""
    return re.sub(r"[^\w/.\- :]", "_", name)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
