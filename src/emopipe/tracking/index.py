"""The runs of the experiment, found by the keys of the states that they are of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emopipe.core.state import StageState
from emopipe.tracking.machine import is_gone, this_process
from emopipe.tracking.naming import (
    COMPLETE_TAG,
    KEY_TAG,
    MODEL_TAG,
    NOTE_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    STATE_TAG,
    run_name,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ACTIVE, DELETED, ALL = 1, 2, 3  # as mlflow.entities.ViewType has them, which takes seconds to import
BATCH = 100  # parameters that MLflow takes in one call
ABOUT_STATE = (
    "The models that were trained on the same data, with the same parameters, by the same code: open the arrow."
)


@dataclass(frozen=True)
class RunIndex:
    """One experiment of one store."""

    client: "MlflowClient"
    experiment: str

    def take(self, key: str, *, deleted: bool = True) -> "Run | None":
        """The run of this state: the complete one, or one that another process is logging.

        Where there is neither, a complete one that was deleted is taken back, if `deleted`.
        """
        found = self._search(f"tags.`{KEY_TAG}` = '{key}'")
        fit = [run for run in found if is_complete(run)] or [run for run in found if in_progress(run)]
        if fit:
            return fit[0]
        return self._take_back(key) if deleted else None

    def clear(self, key: str) -> None:
        """Delete the runs of this state that did not come to an end: a new one takes their place."""
        for run in self._search(f"tags.`{KEY_TAG}` = '{key}'"):
            self.client.delete_run(run.info.run_id)

    def models(self) -> "list[Run]":
        """All runs of models, the oldest first."""
        return self._search(f"tags.`{MODEL_TAG}` LIKE '%'")

    def states(self) -> "list[Run]":
        """All parents."""
        return [run for run in self._search(f"tags.`{STATE_TAG}` LIKE '%'") if MODEL_TAG not in run.data.tags]

    def create(self, name: str, tags: Mapping[str, str], params: Mapping[str, str], state: StageState) -> str:
        """A new run with its parameters and data sets; its id."""
        from mlflow.entities import Param

        from emopipe.tracking.data_sets import data_sets

        run = str(self.client.create_run(self.experiment, tags=dict(tags), run_name=name).info.run_id)
        values = [Param(key, value) for key, value in params.items()]
        for first in range(0, len(values), BATCH):
            self.client.log_batch(run, params=values[first : first + BATCH])
        self.client.log_inputs(run, data_sets(state.inputs))
        return run

    def parent(self, state: StageState, params: Mapping[str, str]) -> tuple[str, bool]:
        """The run above all models of this state: its id, and whether it was missing and is created here."""
        key = state.shared_key
        query = f"tags.`{STATE_TAG}` = '{key}'"
        for run in self._search(query, ALL):
            if MODEL_TAG not in run.data.tags:
                if run.info.lifecycle_stage == "deleted":
                    self.client.restore_run(run.info.run_id)
                return str(run.info.run_id), False
        return self.create(run_name("state", key), {STATE_TAG: key, NOTE_TAG: ABOUT_STATE}, params, state), True

    def close(self, parent: str) -> None:
        """End the parent, unless it has ended or one of its models is in progress."""
        running = self.client.get_run(parent).info.status == "RUNNING"
        if running and not any(in_progress(run) for run in self._search(f"tags.`{PARENT_TAG}` = '{parent}'")):
            self.client.set_terminated(parent, "FINISHED")

    def _take_back(self, key: str) -> "Run | None":
        found = self._search(f"tags.`{KEY_TAG}` = '{key}'", DELETED)
        complete = [run for run in found if is_complete(run)]
        if not complete:
            return None
        self.client.restore_run(complete[-1].info.run_id)
        return self.client.get_run(complete[-1].info.run_id)

    def _search(self, query: str, view: int = ACTIVE) -> "list[Run]":
        """All that match, the oldest first."""
        found: list[Run] = []
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], query, view, order_by=["attributes.start_time ASC"], page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found


def is_complete(run: "Run") -> bool:
    """Whether all epochs are in it."""
    return run.info.status == "FINISHED" and COMPLETE_TAG in run.data.tags


def in_progress(run: "Run") -> bool:
    """Whether another process, which is alive, is logging it."""
    process = run.data.tags.get(PROCESS_TAG, "")
    return run.info.status == "RUNNING" and process not in ("", this_process()) and not is_gone(process)
