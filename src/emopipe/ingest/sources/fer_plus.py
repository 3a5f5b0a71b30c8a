"""FER+: annotators' votes for the images of FER2013, one row per row of its CSV, in the same order.

Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution"
(https://arxiv.org/abs/1608.01041); the file is `fer2013new.csv` of https://github.com/microsoft/FERPlus. Most of its
rows without an image name are voted no face (NF) unanimously.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from emopipe.core.errors import DataError
from emopipe.ingest.sources.lines import header_or_none, read_rows
from emopipe.ingest.sources.listing import visible_files

_LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "nf")
_COLUMNS = frozenset({"usage", "image name", *_LABELS})
_VOTE = re.compile("[0-9]{1,9}")
_NUM_QUOTED = 40


class Ballot(NamedTuple):
    """The votes on one image."""

    source: str
    """`fer2013new.csv, line 17`; the header is line 1."""
    usage: str
    votes: Mapping[str, int]
    """Annotators by label, as the header spells it."""


def find_votes(table: Path) -> Path | None:
    """The file of votes beside `table`: a name with `.csv` in it and FER+'s columns, in any order and case.

    Raises `DataError` when there are several.
    """
    names = [name for name in visible_files(table.parent) if ".csv" in name.lower() and name != table.name]
    matches = [name for name in names if _COLUMNS.issubset(header_or_none(table.parent / name))]
    if len(matches) > 1:
        raise DataError(
            f"{table.parent} holds {len(matches)} files of votes ({', '.join(matches)}), "
            "expected one: remove the others"
        )
    return table.parent / matches[0] if matches else None


def read_votes(path: Path) -> Iterator[Ballot]:
    """All rows in the order of the file.

    Raises `DataError` naming the line for another number of cells than in the header, or a vote that is no integer
    from 0, and when the file is damaged.
    """
    rows = read_rows(path)
    _, header = next(rows)
    usage = [name.lower() for name in header].index("usage")
    labels = {column: name for column, name in enumerate(header) if name.lower() in _LABELS}
    for number, cells in rows:
        source = f"{path}, line {number}"
        if len(cells) != len(header):
            raise DataError(f"{source}: {len(cells)} cells, expected {len(header)}; fetch the file again")
        votes = {name: _count(cells[column], name, source) for column, name in labels.items()}
        yield Ballot(source, cells[usage], votes)


def _count(text: str, label: str, source: str) -> int:
    if not _VOTE.fullmatch(text):
        raise DataError(
            f"{source}: {text[:_NUM_QUOTED]!r} votes for {label}, expected an integer from 0; fetch the file again"
        )
    return int(text)
