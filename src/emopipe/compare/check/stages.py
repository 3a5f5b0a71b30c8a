"""Stages that differ between two states of dvc.lock: the reasons, and the outs that changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from emopipe.core.state import StageRecord
from emopipe.tracking.comparison_tables import Cell, Section
from emopipe.tracking.explain import CODE, differences, listed

NUM_NAMED = 4


@dataclass(frozen=True)
class RecordedStage:
    """A stage in dvc.lock."""

    record: StageRecord
    command: str


@dataclass(frozen=True, kw_only=True)
class StageChange:
    """A stage that differs between two states."""

    stage: str
    reasons: list[str]
    outs: list[str]
    """Paths of the outs that differ."""
    is_removed: bool = False
    """Whether only the first state has it."""


def stage_changes(before: Mapping[str, RecordedStage], now: Mapping[str, RecordedStage]) -> list[StageChange]:
    """The stages that differ, in the order of the pipeline; removed stages come last."""
    names = [*now, *(name for name in before if name not in now)]
    changes = (_change(name, before.get(name), now.get(name)) for name in names)
    return [change for change in changes if change is not None]


def stage_section(changes: Sequence[StageChange]) -> Section:
    """A row per reason; models that ran for the same reasons share one: `train@cnn, resnet18`."""
    groups: dict[tuple[str, str], list[StageChange]] = {}
    for change in changes:
        groups.setdefault((change.stage.partition("@")[0], listed(change.reasons)), []).append(change)
    rows = []
    for (kind, why), members in groups.items():
        models = [member.stage.partition("@")[2] for member in members]
        outs = [path for member in members for path in member.outs]
        stages = f"{kind}@{', '.join(models)}" if all(models) else kind
        rows.append((Cell(stages), Cell(why), Cell(_named(outs) or "none")))
    return Section(
        key="stages",
        title="Stages that ran again, and why",
        note="" if changes else "0 stages ran again.",
        header=("stage", "why", "outs that changed"),
        rows=tuple(rows),
        is_text=True,
    )


def _change(name: str, before: RecordedStage | None, now: RecordedStage | None) -> StageChange | None:
    if before is None or now is None:
        return StageChange(stage=name, reasons=["it is new" if now else "it was removed"], outs=[], is_removed=not now)
    new, old = now.record.outs, before.record.outs
    outs = [path for path in sorted(new | old) if new.get(path) != old.get(path)]
    reasons = list(_reasons(before, now))
    if not reasons and not outs:
        return None
    return StageChange(stage=name, reasons=reasons or ["unknown to DVC: it was run again by hand"], outs=outs)


def _reasons(before: RecordedStage, now: RecordedStage) -> Iterator[str]:
    if before.command != now.command:
        yield "its command was changed"
    old, new = before.record.state, now.record.state
    for key in sorted(old.params | new.params):
        yield from differences(key, old.params.get(key), new.params.get(key))
    paths = [path for path in sorted(old.inputs | new.inputs) if old.inputs.get(path) != new.inputs.get(path)]
    code = [path.removeprefix("src/emopipe/") for path in paths if path.startswith(CODE)]
    data = [path for path in paths if not path.startswith(CODE)]
    yield from (f"{kind}: {_named(part)}" for kind, part in (("code", code), ("data", data)) if part)


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NUM_NAMED} more" if len(paths) > NUM_NAMED else ""
    return f"{', '.join(paths[:NUM_NAMED])}{more}"
