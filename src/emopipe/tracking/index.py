"""The runs of the experiment, by the keys of their states."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emopipe.core.state import StageState
from emopipe.tracking.machine import has_ended, this_process
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

    from emopipe.tracking.data_sets import Locate

ACTIVE, DELETED, ALL = 1, 2, 3  # mlflow.entities.ViewType, whose import takes seconds
MAX_RUNS = 50_000  # that MLflow returns in one call
BATCH = 100  # parameters that MLflow accepts in one call
ABOUT_STATE = "The models that were trained on the same data, with the same parameters and code: open the arrow."


@dataclass(frozen=True)
class RunIndex:
    """One experiment of one store."""

    client: "MlflowClient"
    experiment: str
    answers: "dict[tuple[str, int], list[Run]] | None" = None
    """Of searches so far, for a reader that changes nothing; None searches each time."""

    def find(self, key: str, *, deleted: bool = True) -> "Run | None":
        """The complete run of a state, or the one that another process is logging.

        deleted: whether a complete run that was deleted is restored if there is neither.
        """
        runs = self._search(f"tags.`{KEY_TAG}` = '{key}'")
        matches = [run for run in runs if is_complete(run)] or [run for run in runs if in_progress(run)]
        if matches or not deleted:
            return matches[0] if matches else None
        complete = [run for run in self._search(f"tags.`{KEY_TAG}` = '{key}'", DELETED) if is_complete(run)]
        if not complete:
            return None
        self.client.restore_run(complete[-1].info.run_id)
        return self.client.get_run(complete[-1].info.run_id)

    def delete(self, key: str) -> None:
        """Delete the incomplete runs of a state, before a new one."""
        for run in self._search(f"tags.`{KEY_TAG}` = '{key}'"):
            self.client.delete_run(run.info.run_id)

    def models(self) -> "list[Run]":
        """All runs of models, the oldest first."""
        return self._search(f"tags.`{MODEL_TAG}` LIKE '%'")

    def parents(self) -> "list[Run]":
        """All runs of states, the oldest first."""
        return [run for run in self._search(f"tags.`{STATE_TAG}` LIKE '%'") if MODEL_TAG not in run.data.tags]

    def create(
        self,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        state: StageState,
        locate: "Locate | None" = None,
    ) -> str:
        """Create a run with its parameters and data sets; its id. locate: of the files of the data sets."""
        from mlflow.entities import Param

        from emopipe.tracking.data_sets import data_sets

        run = str(self.client.create_run(self.experiment, tags=dict(tags), run_name=name).info.run_id)
        values = [Param(key, value) for key, value in params.items()]
        for first in range(0, len(values), BATCH):
            self.client.log_batch(run, params=values[first : first + BATCH])
        self.client.log_inputs(run, data_sets(state.inputs, locate))
        return run

    def parent(
        self,
        state: StageState,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        locate: "Locate | None" = None,
    ) -> str:
        """The id of the run of a state, above those of its models; it is created, with `tags`, if it is missing."""
        key = state.shared_key
        for run in self._search(f"tags.`{STATE_TAG}` = '{key}'", ALL):
            if MODEL_TAG not in run.data.tags:
                if run.info.lifecycle_stage == "deleted":
                    self.client.restore_run(run.info.run_id)
                return str(run.info.run_id)
        tags = {STATE_TAG: key, NOTE_TAG: ABOUT_STATE, **tags}
        return self.create(run_name("state", key), tags, params, state, locate)

    def close(self, parent: str) -> None:
        """End the run of a state, unless one of its models is in progress."""
        running = self.client.get_run(parent).info.status == "RUNNING"
        if running and not any(in_progress(run) for run in self._search(f"tags.`{PARENT_TAG}` = '{parent}'")):
            self.client.set_terminated(parent, "FINISHED")

    def _search(self, query: str, view: int = ACTIVE) -> "list[Run]":
        """All matches, the oldest first."""
        if self.answers is not None and (query, view) in self.answers:
            return self.answers[query, view]
        order = ["attributes.start_time ASC"]
        runs = list(self.client.search_runs([self.experiment], query, view, MAX_RUNS, order))
        if self.answers is not None:
            self.answers[query, view] = runs
        return runs


def is_complete(run: "Run") -> bool:
    """Whether all epochs are logged."""
    return run.info.status == "FINISHED" and COMPLETE_TAG in run.data.tags


def in_progress(run: "Run") -> bool:
    """Whether another living process is logging it."""
    process = run.data.tags.get(PROCESS_TAG, "")
    return run.info.status == "RUNNING" and process not in ("", this_process()) and not has_ended(process)
