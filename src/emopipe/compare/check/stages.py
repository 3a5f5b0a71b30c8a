"""Which stages ran again between two states of dvc.lock, why, and whether that changed what they make."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emopipe.core.state import StageRecord
from emopipe.tracking.comparison_tables import Cell, Section
from emopipe.tracking.explain import CODE, differences, listed

NUM_NAMED = 4


@dataclass(frozen=True)
class Ran:
    """A stage as one dvc.lock has it."""

    record: StageRecord
    command: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """A stage that is not the same in two states."""

    stage: str
    reasons: list[str]
    outs: list[str]
    """Paths of those outs that are not the same."""


def stage_changes(before: Mapping[str, Ran], now: Mapping[str, Ran]) -> list[Change]:
    """The stages that differ, in the order in which they run; those that are gone come last."""
    names = [*now, *(name for name in before if name not in now)]
    found = (_change(name, before.get(name), now.get(name)) for name in names)
    return [change for change in found if change is not None]


def stage_section(changes: list[Change]) -> Section:
    """A row for each."""
    return Section(
        key="stages",
        title="Stages that ran again, and why",
        note="" if changes else "None.",
        header=("stage", "why", "outs that are not the same"),
        rows=tuple((Cell(stages), Cell(why), Cell(_named(outs) or "none")) for stages, why, outs in _grouped(changes)),
        is_text=True,
    )


def _grouped(changes: list[Change]) -> Iterator[tuple[str, str, list[str]]]:
    """Stages of one kind that ran for the same reasons count as one: `train@cnn, resnet18`."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.stage.partition("@")[0], listed(change.reasons)), []).append(change)
    for (kind, why), members in groups.items():
        names = [member.stage.partition("@")[2] for member in members]
        yield f"{kind}@{', '.join(names)}" if all(names) else kind, why, [path for one in members for path in one.outs]


def _change(name: str, before: Ran | None, now: Ran | None) -> Change | None:
    if before is None or now is None:
        return Change(stage=name, reasons=["it is new" if now else "it is gone"], outs=[])
    outs, old = now.record.outs, before.record.outs
    changed = [path for path in sorted(outs | old) if outs.get(path) != old.get(path)]
    reasons = list(_reasons(before, now))
    if not reasons and not changed:
        return None
    return Change(stage=name, reasons=reasons or ["nothing that DVC knows of: it was run again by hand"], outs=changed)


def _reasons(before: Ran, now: Ran) -> Iterator[str]:
    if before.command != now.command:
        yield "its command was changed"
    old, new = before.record.state, now.record.state
    for key in sorted(old.params | new.params):
        yield from differences(key, old.params.get(key), new.params.get(key))
    paths = [path for path in sorted(old.inputs | new.inputs) if old.inputs.get(path) != new.inputs.get(path)]
    code = [path.removeprefix("src/emopipe/") for path in paths if path.startswith(CODE)]
    if code:
        yield f"code: {_named(code)}"
    data = [path for path in paths if not path.startswith(CODE)]
    if data:
        yield f"data: {_named(data)}"


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - NUM_NAMED} more" if len(paths) > NUM_NAMED else ""
    return f"{', '.join(paths[:NUM_NAMED])}{more}"
