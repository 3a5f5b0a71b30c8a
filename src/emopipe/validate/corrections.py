"""What people decided about single pictures: a CSV by which labels are set anew, trusted, or rows are dropped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from emopipe.core.errors import DataError

COLUMNS = ("id", "action", "label")
ACTIONS = ("keep", "drop", "relabel")

Action = Literal["keep", "drop", "relabel"]
_NUM_NAMED = 3


@dataclass(frozen=True)
class Corrections:
    """Decisions by the id of a picture: `keep` trusts its label, `drop` takes it out, `relabel` sets its label."""

    actions: dict[str, Action]
    labels: dict[str, str]
    """The new labels, of those that are relabelled."""

    def named(self, ids: pd.Series, action: Action) -> pd.Series:
        """Bool (N,): the rows with these ids, (N,), to which `action` applies."""
        return ids.map(self.actions).eq(action)

    def relabelled(self, ids: pd.Series, labels: pd.Series) -> pd.Series:
        """The labels (N,), set anew where that was decided."""
        chosen = [self.labels.get(name, label) for name, label in zip(ids, labels, strict=True)]
        return pd.Series(chosen, index=ids.index, dtype="str")

    def unknown(self, ids: pd.Series) -> list[str]:
        """Ids that are decided about and not among `ids`, sorted."""
        return sorted(set(self.actions) - set(ids))


def read_corrections(path: Path, classes: Collection[str]) -> Corrections:
    """Read the columns id, action and label; further columns are notes. Raises `DataError` naming each bad line."""
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no readable CSV ({error}): expected the columns {', '.join(COLUMNS)}") from error
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise DataError(f"{path} lacks the column {', '.join(missing)}: expected {', '.join(COLUMNS)}")
    stripped = table[list(COLUMNS)].apply(lambda column: column.str.strip())
    rows = [(number, row.id, row.action, row.label) for number, row in enumerate(stripped.itertuples(), start=2)]
    problems = [f"line {number}: {problem}" for number, *row in rows if (problem := _problem(row, classes))]
    repeated = stripped["id"].duplicated()
    problems += [f"line {row + 2}: {stripped['id'][row]} is decided twice" for row in repeated[repeated].index]
    if problems:
        more = f"; and {len(problems) - _NUM_NAMED} more" if len(problems) > _NUM_NAMED else ""
        raise DataError(f"{path}: {'; '.join(problems[:_NUM_NAMED])}{more}")
    actions = {name: action for _, name, action, _ in rows}
    return Corrections(actions, {name: label for _, name, action, label in rows if action == "relabel"})


def _problem(row: Sequence[str], classes: Collection[str]) -> str | None:
    name, action, label = row
    if not name:
        return "no id"
    if action not in ACTIONS:
        return f"action {action!r}, expected {', '.join(ACTIONS)}"
    if action == "relabel" and label not in classes:
        return f"label {label!r}, expected one of {', '.join(classes)}"
    return None
