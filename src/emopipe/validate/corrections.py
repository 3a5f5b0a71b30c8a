"""Corrections by people: a CSV that relabels images, confirms their labels, or drops them."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from warnings import catch_warnings, simplefilter

import pandas as pd
from pandas.errors import ParserWarning

from emopipe.core.boundary import reading
from emopipe.core.errors import DataError
from emopipe.core.names import fold_name
from emopipe.faces.classes import label_lookup

Action = Literal["keep", "drop", "relabel"]
ACTIONS: tuple[Action, ...] = get_args(Action)
COLUMNS = ("id", "action", "label")
_NUM_NAMED, _NUM_QUOTED = 3, 40


@dataclass(frozen=True)
class Corrections:
    """Decisions by the id of an image: `keep` confirms its label, `drop` removes it, `relabel` changes its label."""

    actions: dict[str, Action]
    labels: dict[str, str]
    """New labels of the relabelled images."""

    def named(self, ids: pd.Series, action: Action) -> pd.Series:
        """Rows with these ids, (N,), to which `action` applies: bool (N,)."""
        return ids.map(self.actions).eq(action)

    def relabelled(self, ids: pd.Series, labels: pd.Series) -> pd.Series:
        """Corrected labels (N,)."""
        corrected = [self.labels.get(name, label) for name, label in zip(ids, labels, strict=True)]
        return pd.Series(corrected, index=ids.index, dtype="str")

    def unknown(self, ids: pd.Series) -> list[str]:
        """Ids in the corrections that are not among `ids`, sorted."""
        return sorted(set(self.actions) - set(ids))


def read_corrections(path: Path, classes: Collection[str]) -> Corrections:
    """Read the columns id, action and label, a class in any spelling; further columns are notes.

    Raises `DataError` naming each bad line.
    """
    with reading(f"{path} is no readable CSV", f"expected the columns {', '.join(COLUMNS)}"), catch_warnings():
        simplefilter("error", ParserWarning)  # a row with more cells than the header
        table = pd.read_csv(path, dtype="str", keep_default_na=False, index_col=False)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise DataError(f"{path} lacks the column {', '.join(missing)}: expected {', '.join(COLUMNS)}")
    stripped = table[list(COLUMNS)].apply(lambda column: column.str.strip())
    lookup = label_lookup(list(classes))
    stripped["label"] = [lookup.get(fold_name(label), label) for label in stripped["label"]]
    rows = list(stripped.itertuples(index=False, name=None))
    problems = [f"line {line}: {text}" for line, row in enumerate(rows, 2) if (text := _problem(*row, classes=classes))]
    repeated = stripped["id"].duplicated()
    problems += [f"line {row + 2}: {_quoted(stripped['id'][row])} is decided twice" for row in repeated[repeated].index]
    if problems:
        more = f"; and {len(problems) - _NUM_NAMED} more" if len(problems) > _NUM_NAMED else ""
        raise DataError(f"{path}: {'; '.join(problems[:_NUM_NAMED])}{more}")
    actions = {name: action for name, action, _ in rows}
    return Corrections(actions, {name: label for name, action, label in rows if action == "relabel"})


def _problem(name: str, action: str, label: str, *, classes: Collection[str]) -> str | None:
    if not name:
        return "no id"
    if action not in ACTIONS:
        return f"action {_quoted(action)}, expected {', '.join(ACTIONS)}"
    if action == "relabel" and label not in classes:
        return f"label {_quoted(label)}, expected one of {', '.join(classes)}"
    return None


def _quoted(text: str) -> str:
    return repr(text[:_NUM_QUOTED])
