"""Parquet and Arrow files of pictures, as the `datasets` library writes them (https://huggingface.co/docs/datasets).

The column `image` is a struct of `bytes` and `path`, or bytes alone. The label is the first of the columns `label`,
`labels` and `emotion`: text, or integers with their names in the schema (ClassLabel). An integer without names stays a
number, which ingest takes for FER2013's code. A column `split` says the split, else the name of the file or of a folder
does (`data/train-00000-of-00002.parquet`, `train/data-00000-of-00001.arrow`). The project's own tables of faces have
this form too.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self

import pyarrow as pa

from emopipe.core.errors import DataError
from emopipe.ingest.sources.arrow_files import read_batches, read_schema
from emopipe.ingest.sources.base import AtPath, RawRow, Reject, Tally
from emopipe.ingest.sources.listing import all_files
from emopipe.ingest.sources.magic import ARROW_KINDS, file_kind
from emopipe.ingest.sources.picture_columns import IMAGE, SPLIT, Layout, has_columns, layout_of
from emopipe.ingest.sources.picture_tree import within_limit

_SUFFIXES = frozenset({".parquet", ".arrow"})
_CACHE = "cache-"
"""How the `datasets` library names what it has computed from the files beside it."""
_NUM_QUOTED = 60


@dataclass(frozen=True)
class PictureTables(AtPath):
    """Tables with one picture per row, which is named by its file and its number in it, from 0: `train.parquet:17`."""

    path: Path
    files: tuple[str, ...]
    split_names: frozenset[str]
    form: ClassVar[str] = "Parquet or Arrow"
    accepts: ClassVar[str] = "Parquet or Arrow files with the columns image and label"

    @classmethod
    def find(cls, path: Path, split_names: Collection[str]) -> list[Self]:
        """`path` itself, or all files below it that are named `.parquet` or `.arrow`.

        A folder is a source if one of them has the columns, or if none can be read: then it is a damaged one.
        """
        if path.is_file():
            files: tuple[str, ...] = (path.name,)
            is_source = file_kind(path) in ARROW_KINDS
        else:
            files = tuple(name for name in all_files(path) if _is_table(name))
            verdicts = {_has_columns(path / name) for name in files}
            is_source = True in verdicts or verdicts == {None}
        return [cls(path, files, frozenset(split_names))] if is_source else []

    def tally(self) -> Tally:
        """Count the labelled rows by split and label; no picture is read."""
        return Counter((row.split, row.label) for name in self.files for row in self._rows(name) if row.label)

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows, file by file in sorted order. Raises `DataError` also when a file lacks a column."""
        for name in self.files:
            for row in self._rows(name, with_pictures=True):
                yield _checked(row)

    def _rows(self, name: str, *, with_pictures: bool = False) -> Iterator["_Row"]:
        layout = layout_of(self.root / name, read_schema(self.root / name))
        columns = [*layout.words, *([IMAGE] if with_pictures else [])]
        place = _split_of_name(name, self.split_names)
        number = 0
        for batch in read_batches(self.root / name, columns):
            for cells in zip(*(batch.column(column) for column in columns), strict=True):
                yield _row(f"{name}:{number}", dict(zip(columns, cells, strict=True)), layout, place)
                number += 1


@dataclass(frozen=True)
class _Row:
    """One row whose picture has not been looked at."""

    source: str
    label: str | None
    written: str | int | None
    """The label as it stands in the table."""
    split: str | None
    picture: Any
    """The cell, None if only words are read."""


def _row(source: str, cells: dict[str, Any], layout: Layout, place: str | None) -> _Row:
    written = cells[layout.label].as_py()
    split = layout.word(SPLIT, cells[SPLIT].as_py()) if layout.has_split else place
    return _Row(source, layout.word(layout.label, written), written, split, cells.get(IMAGE))


def _checked(row: _Row) -> RawRow | Reject:
    if row.label is None:
        found = "no label" if row.written is None else f"label {str(row.written)[:_NUM_QUOTED]!r}"
        return Reject(row.source, "unknown_label", f"{found}, expected the name of a class", row.split)
    cell = row.picture["bytes"] if isinstance(row.picture, pa.StructScalar) else row.picture
    if cell is None or not cell.is_valid:
        path = (row.picture.as_py() or {}).get("path")
        found = "no image" if path is None else f"only the path {str(path)[:_NUM_QUOTED]!r}"
        return Reject(row.source, "no_picture", f"{found}, expected the bytes of a picture", row.split, row.label)
    picture = within_limit(row.source, cell.as_py())
    if isinstance(picture, Reject):
        return replace(picture, split=row.split, label=row.label)
    return RawRow(row.source, row.label, row.split, picture)


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith((".", _CACHE))


def _has_columns(path: Path) -> bool | None:
    """Whether the file has the columns; None if it is damaged."""
    try:
        return has_columns(read_schema(path))
    except DataError:
        return None


def _split_of_name(name: str, split_names: Collection[str]) -> str | None:
    """The one name of a split in the name of the file, else the innermost folder that is called so."""
    path = PurePosixPath(name)
    words = sorted(map(re.escape, split_names), key=len, reverse=True)
    found = re.findall(rf"(?<![^\W_])(?:{'|'.join(words)})(?![^\W_])", path.stem, re.IGNORECASE) if words else []
    if len({word.lower() for word in found}) == 1:
        return str(found[0])
    return next((folder for folder in reversed(path.parts[:-1]) if folder.lower() in split_names), None)
