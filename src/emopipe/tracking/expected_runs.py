"""Which runs MLflow should have, of the states that git and DVC keep."""

from collections.abc import Iterable
from dataclasses import dataclass

from emopipe.core.state import StageRecord, StageState
from emopipe.tracking.dvc_lock import produces_input_of
from emopipe.tracking.snapshots import Snapshot


@dataclass(frozen=True)
class ExpectedRun:
    """The run of one model in one state."""

    model: str
    trained: StageRecord
    """`train@MODEL`, or `ensemble@NAME`."""
    evaluated: StageRecord | None
    """`evaluate@MODEL`, or `ensemble@NAME`; none where the model was not evaluated."""
    parent: StageState
    """The training's, or that of a member."""
    snapshot: Snapshot

    @property
    def is_ensemble(self) -> bool:
        """Whether it has no training of its own."""
        return self.trained is self.evaluated


def plan(snapshots: Iterable[Snapshot]) -> dict[str, ExpectedRun]:
    """The runs by key; where states share one, the last decides which figures it shows."""
    return {wanted.trained.state.key: wanted for snapshot in snapshots for wanted in _wanted(snapshot)}


def registered(snapshot: Snapshot) -> StageRecord | None:
    """The export that the stage `register` took in, if it is the one that there is."""
    export, register = (snapshot.records.get(name) for name in ("export", "register"))
    return export if export and register and produces_input_of(export.outs, register.state.inputs) else None


def _wanted(snapshot: Snapshot) -> list[ExpectedRun]:
    found, records = [], snapshot.records
    for name, record in records.items():
        kind, _, model = name.partition("@")
        if kind == "train":
            after = records.get(f"evaluate@{model}")
            after = after if after and produces_input_of(record.outs, after.state.inputs) else None
            found.append(ExpectedRun(model, record, after, record.state, snapshot))
        elif kind == "ensemble":
            member = records.get(f"train@{record.state.params[f'ensembles.{model}'][0]}")
            if member:
                found.append(ExpectedRun(model, record, record, member.state, snapshot))
    return found
