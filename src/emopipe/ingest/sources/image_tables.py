"""Parquet and Arrow files of images, as the `datasets` library writes them (https://huggingface.co/docs/datasets).

The columns have the names of `image_columns`, in any case. The image is a struct of `bytes` and `path`, or bytes alone.
The label is text, or integers with their names in the schema (ClassLabel); an integer without a name needs an entry in
`ingest.label_map`. The split is a column, else part of the name of the file or of a folder
(`data/train-00000-of-00002.parquet`, `train/data-00000-of-00001.arrow`). The project's own tables of faces have this
format too.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NamedTuple, Self

import pyarrow as pa

from emopipe.core.errors import DataError
from emopipe.core.names import fold_name
from emopipe.ingest.sources.arrow_files import read_batches, read_schema
from emopipe.ingest.sources.base import KnownNames, PathSource, RawRow, Reject, RejectCounts, RowCounts
from emopipe.ingest.sources.image_columns import column_names, has_columns, layout_of
from emopipe.ingest.sources.image_tree import within_limit
from emopipe.ingest.sources.listing import all_files
from emopipe.ingest.sources.magic import ARROW_KINDS, file_kind

_SUFFIXES = frozenset({".parquet", ".arrow"})
_CACHE = "cache-"
"""Prefix of the files that the `datasets` library caches beside its data."""
_NUM_QUOTED = 60


class _Row(NamedTuple):
    source: str
    label: str | None
    cell: str | float | None
    """The label as the table holds it."""
    split: str | None
    image: Any
    """The cell; None if images are not read."""
    group: str | None


@dataclass(frozen=True)
class ImageTables(PathSource):
    """Tables with one image per row, named by its file and row number from 0: `train.parquet:17`."""

    path: Path
    split_names: frozenset[str]
    group_column: str | None = None
    format: ClassVar[str] = "Parquet or Arrow"
    accepts: ClassVar[str] = "Parquet or Arrow files with the columns image and label"

    @cached_property
    def files(self) -> tuple[str, ...]:
        """`path` itself, or all files below it that are named `.parquet` or `.arrow`."""
        if self.path.is_file():
            return (self.path.name,)
        return tuple(name for name in all_files(self.path) if _is_table(name))

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The source at `path`; a folder if one of its files has the columns, or if all are damaged."""
        source = cls(path, split_names)
        if path.is_file():
            is_source = file_kind(path) in ARROW_KINDS
        else:
            usable = {_has_columns(path / name) for name in source.files}
            is_source = True in usable or usable == {None}
        return [source] if is_source else []

    def with_names(self, names: KnownNames) -> Self:
        return replace(self, group_column=names.group_column)

    def counts(self) -> RowCounts:
        """Count the labelled rows by split and label; no image is read."""
        return Counter({(split, label): number for (split, label), number in self._tally.items() if label})

    def unusable(self) -> RejectCounts:
        """Count the rows without a label."""
        return Counter(
            {(split, "unknown_label"): number for (split, label), number in self._tally.items() if not label}
        )

    @cached_property
    def _tally(self) -> Counter[tuple[str | None, str | None]]:
        """All rows by split and label."""
        return Counter((row.split, row.label) for name in self.files for row in self._rows(name))

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows, file by file in sorted order. Raises `DataError` also when a file lacks a column."""
        for name in self.files:
            yield from map(_raw_row, self._rows(name, with_images=True))

    def _rows(self, name: str, *, with_images: bool = False) -> Iterator[_Row]:
        layout = layout_of(self.root / name, read_schema(self.root / name), self.group_column)
        columns = [*layout.text_columns, *([layout.image] if with_images else [])]
        split_of_file = split_of_name(name, self.split_names)
        batches = read_batches(self.root / name, columns)
        rows = (cells for batch in batches for cells in zip(*map(batch.column, columns), strict=True))
        for number, cells in enumerate(rows):
            row = dict(zip(columns, cells, strict=True))
            yield _Row(
                f"{name}:{number}",
                layout.text(layout.label, row),
                row[layout.label].as_py(),
                layout.text(layout.split, row) if layout.split else split_of_file,
                row.get(layout.image),
                layout.text(layout.group, row),
            )


def _raw_row(row: _Row) -> RawRow | Reject:
    if row.label is None:
        given = "no label" if row.cell is None else f"label {str(row.cell)[:_NUM_QUOTED]!r}"
        return Reject(row.source, "unknown_label", f"{given}, expected the name of a class", row.split)
    content = row.image["bytes"] if isinstance(row.image, pa.StructScalar) else row.image
    if content is None or not content.is_valid:
        path = (row.image.as_py() or {}).get("path")
        given = "no image" if path is None else f"only the path {str(path)[:_NUM_QUOTED]!r}"
        return Reject(row.source, "no_picture", f"{given}, expected the bytes of a picture", row.split, row.label)
    image = within_limit(row.source, content.as_py())
    if isinstance(image, Reject):
        return replace(image, split=row.split, label=row.label)
    return RawRow(row.source, row.label, row.split, image, group=row.group)


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith((".", _CACHE))


def describe_tables(path: Path) -> str:
    """The first readable table below `path` and its columns; empty without one."""
    for name in filter(_is_table, all_files(path)):
        try:
            return f"{name} with the columns {column_names(read_schema(path / name))}"
        except DataError:
            continue
    return ""


def _has_columns(path: Path) -> bool | None:
    """Whether the file has the columns; None if it is damaged."""
    try:
        return has_columns(read_schema(path))
    except DataError:
        return None


def split_of_name(name: str, split_names: frozenset[str]) -> str | None:
    """The only split named in the file name, else the innermost folder with the name of a split."""
    path = PurePosixPath(name)
    alternatives = "|".join(sorted(map(re.escape, split_names), key=len, reverse=True))
    pattern = rf"(?<![^\W_])(?:{alternatives})(?![^\W_])"
    stem = unicodedata.normalize("NFC", path.stem)
    matches: list[str] = re.findall(pattern, stem, re.IGNORECASE) if split_names else []
    if len({fold_name(match) for match in matches}) == 1:
        return matches[0]
    return next((folder for folder in reversed(path.parts[:-1]) if fold_name(folder) in split_names), None)
