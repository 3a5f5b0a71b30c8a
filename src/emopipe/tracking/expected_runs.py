"""The runs that MLflow should have for the states that git and DVC keep."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emopipe.core.dvc_lock import produces_input_of
from emopipe.core.state import StageRecord, StageState
from emopipe.tracking.snapshots import Snapshot


@dataclass(frozen=True)
class ExpectedRun:
    """The run of one model in one state."""

    model: str
    trained: StageRecord
    """`train@MODEL`, or `ensemble@NAME`."""
    evaluated: StageRecord | None
    """`evaluate@MODEL`, or `ensemble@NAME`; None if the model was not evaluated."""
    parent: StageState
    """State of the training, or of that of a member."""
    snapshot: Snapshot

    @property
    def is_ensemble(self) -> bool:
        """Whether it has no training of its own."""
        return self.trained is self.evaluated


def expected_runs(snapshots: Iterable[Snapshot]) -> dict[str, ExpectedRun]:
    """Runs by key; of states with the same key, the last one gives the evaluation."""
    return {run.trained.state.key: run for snapshot in snapshots for run in _runs_of(snapshot)}


def registered_export(snapshot: Snapshot) -> StageRecord | None:
    """The stage `export`, if `register` has run on its outs."""
    export, register = (snapshot.records.get(name) for name in ("export", "register"))
    return export if export and register and produces_input_of(export.outs, register.state.inputs) else None


def _runs_of(snapshot: Snapshot) -> Iterator[ExpectedRun]:
    records = snapshot.records
    for name, record in records.items():
        kind, _, model = name.partition("@")
        if kind == "train":
            evaluated = records.get(f"evaluate@{model}")
            is_current = evaluated and produces_input_of(record.outs, evaluated.state.inputs)
            yield ExpectedRun(model, record, evaluated if is_current else None, record.state, snapshot)
        elif kind == "ensemble":
            member = records.get(f"train@{record.state.params[f'ensembles.{model}'][0]}")
            if member:
                yield ExpectedRun(model, record, record, member.state, snapshot)
