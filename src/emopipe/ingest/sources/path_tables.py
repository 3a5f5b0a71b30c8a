"""Tables of paths and labels beside pictures, as AffectNet, RAF-DB and Hugging Face's `metadata.csv` have them.

A table is a CSV (`lines.py`) with a column of paths, a column of labels and, optionally, one of splits; or lines of a
picture and a label without names of columns (RAF-DB's `list_patition_label.txt`). Without a column of splits the name
of the table gives the split (`train_labels.csv`), else the folder of the picture.

A picture is a row once: a line that names no picture, or names one again, is rejected, and so is a picture that no line
names.
"""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import ClassVar, NamedTuple, Self

from emopipe.core.errors import DataError
from emopipe.core.names import fold_name
from emopipe.faces.decode import is_image_name
from emopipe.ingest.sources.base import (
    KnownNames,
    PathSource,
    RawRow,
    Reason,
    Reject,
    RejectCounts,
    RowCounts,
    column_index,
)
from emopipe.ingest.sources.class_folders import read_file
from emopipe.ingest.sources.image_tables import split_of_name
from emopipe.ingest.sources.lines import read_rows
from emopipe.ingest.sources.listing import all_files
from emopipe.ingest.sources.magic import file_kind
from emopipe.ingest.sources.picture_paths import PicturePaths

PATHS = (
    *("path", "file", "file_name", "filename", "file_path", "filepath", "image", "img", "image_path", "img_path"),
    *("image_name", "img_name", "image_file", "picture", "pth", "subdirectory_filepath"),
)
LABELS = ("label", "labels", "emotion", "expression", "class", "category", "emotion_label", "expression_label")
SPLITS = ("split", "usage", "subset", "set", "partition")
_COLUMNS = (PATHS, LABELS, SPLITS)
"""Names of the columns, in order of preference, as `_column_name` gives them."""

_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".lst"})
_MOST_TABLES = 20
"""A folder with more such files holds notes on single pictures."""
_NUM_QUOTED, _NUM_NAMED = 60, 4


class _Line(NamedTuple):
    source: str
    picture: str
    label: str
    split: str | None
    group: str | None


@dataclass(frozen=True)
class PathTables(PathSource):
    """Rows are named by the path of their picture, those without one by table and line: `labels.csv:17`."""

    path: Path
    """The folder of tables and pictures."""
    tables: tuple[str, ...]
    pictures: PicturePaths = field(repr=False, compare=False)
    names: KnownNames = field(default=KnownNames(), kw_only=True)
    format: ClassVar[str] = "table of paths"
    accepts: ClassVar[str] = "a CSV with paths of pictures and labels (columns such as path and label) beside them"

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The table `path` with the pictures around it, or all tables in that folder that list one of its pictures."""
        root = path if path.is_dir() else path.parent
        names = tuple(all_files(root))
        siblings = Counter((str(PurePosixPath(name).parent), PurePosixPath(name).suffix) for name in names)
        maybe = (
            [name for name in names if _may_be_table(name, siblings)]
            if path.is_dir()
            else [path.name] * (file_kind(path) != "zip")
        )
        tables = [name for name in maybe if _is_table(root / name)]
        if not tables:
            return []
        source = cls(root, tuple(tables), PicturePaths(names))
        listing = [name for name in tables if source._lists_a_picture(name)]
        if not listing and path.is_file():
            raise DataError(
                f"{path} lists pictures, none of which is in {root}: put them there, or name the folder that holds both"
            )
        return [replace(source, tables=tuple(listing))] if listing else []

    @property
    def name(self) -> str:
        return str(self.path / self.tables[0] if len(self.tables) == 1 else self.path)

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.tables, *self.pictures.names)

    @property
    def lists_most(self) -> bool:
        """Whether the tables list at least half of the pictures."""
        unlisted = sum(isinstance(row, Reject) and row.reason == "not_listed" for row in self._plan)
        return 2 * unlisted <= len(self.pictures.names)

    def with_names(self, names: KnownNames) -> Self:
        return replace(self, names=names)

    def counts(self) -> RowCounts:
        return Counter((row.split, row.label) for row in self._plan if isinstance(row, _Line))

    def unusable(self) -> RejectCounts:
        return Counter((row.split, row.reason) for row in self._plan if isinstance(row, Reject))

    def read(self) -> Iterator[RawRow | Reject]:
        """The lines of all tables, then the pictures that none lists."""
        for row in self._plan:
            if isinstance(row, Reject):
                yield row
                continue
            image = read_file(self.root, row.picture)
            if isinstance(image, Reject):
                yield replace(image, split=row.split, label=row.label)
            else:
                yield RawRow(row.picture, row.label, row.split, image, group=row.group)

    @cached_property
    def _plan(self) -> list[_Line | Reject]:
        """What each line and each unlisted picture is, before an image is read."""
        rows = [row for table in self.tables for row in self._lines(table)]
        by_picture: dict[str, list[_Line]] = defaultdict(list)
        for row in rows:
            if isinstance(row, _Line):
                by_picture[row.picture].append(row)
        self._require_one_table_each(by_picture)
        listed = " and ".join(self.tables)
        return [
            *(row if isinstance(row, Reject) else _once(row, by_picture[row.picture]) for row in rows),
            *(
                Reject(name, "not_listed", f"a picture in no row of {listed}")
                for name in self.pictures.names
                if name not in by_picture
            ),
        ]

    def _require_one_table_each(self, by_picture: Mapping[str, Sequence[_Line]]) -> None:
        for picture, lines in by_picture.items():
            if len(tables := sorted({line.source.rpartition(":")[0] for line in lines})) > 1:
                raise DataError(
                    f"{self.name} holds {len(tables)} tables that list {picture} ({', '.join(tables)}), expected one: "
                    "remove or name one of them"
                )

    def _lists_a_picture(self, table: str) -> bool:
        return any(isinstance(row, _Line) for row in self._lines(table))

    def _lines(self, table: str) -> Iterator[_Line | Reject]:
        rows = _rows(self.root / table)
        layout = _layout(next(rows)[1])
        if layout is None:
            return
        group = column_index(self.root / table, layout.names, self.names.group_column)
        split_names = frozenset(self.names.splits)
        split_of_table = split_of_name(table, split_names)
        for number, cells in rows if layout.has_header else _rows(self.root / table):
            source = f"{table}:{number}"
            if fault := layout.fault(cells):
                yield Reject(source, *fault)
                continue
            path, label = cells[layout.path], cells[layout.label]
            pictures = self.pictures.find(path, posixpath.dirname(table))
            if len(pictures) == 1:
                split = cells[layout.split] or None if layout.split is not None else split_of_table
                if layout.split is None and split is None:
                    split = _split_of_folders(pictures[0], split_names)
                person = cells[group] or None if group is not None else None
                yield _Line(source, pictures[0], label, split, person)
            elif pictures:
                detail = f"{path[:_NUM_QUOTED]!r} may be {' or '.join(pictures)}, expected one picture"
                yield Reject(source, "ambiguous_path", detail, None, label)
            else:
                yield Reject(source, "missing_file", f"no picture {path[:_NUM_QUOTED]!r} is there", None, label)


class _Layout(NamedTuple):
    """The columns of a table."""

    names: tuple[str, ...]
    """Empty for a table without names of columns."""
    path: int
    label: int
    split: int | None

    @property
    def has_header(self) -> bool:
        return bool(self.names)

    def fault(self, cells: Sequence[str]) -> tuple[Reason, str] | None:
        """Why the row names no picture and no label."""
        num_columns = len(self.names) or 2
        if len(cells) != num_columns:
            return "malformed_row", f"{len(cells)} cells, expected {num_columns}"
        if self.names == tuple(map(_column_name, cells)):
            return "repeated_header", "the names of the columns again, expected a picture"
        if not cells[self.path]:
            return "missing_file", "no path of a picture"
        return None if cells[self.label] else ("unknown_label", "no label, expected the name of a class")


def _layout(cells: Sequence[str]) -> _Layout | None:
    """The columns by the first row of a table; None if these are no paths and labels."""
    names = tuple(map(_column_name, cells))
    path, label, split = (next((names.index(name) for name in group if name in names), None) for group in _COLUMNS)
    if path is not None and label is not None and "pixels" not in names:
        return _Layout(names, path, label, split)
    return _Layout((), 0, 1, None) if len(cells) == 2 and is_image_name(cells[0]) else None


def _column_name(cell: str) -> str:
    return fold_name(cell).replace(" ", "_").replace("-", "_")


def _rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells that blanks may separate too, where nothing else does."""
    for number, cells in read_rows(table):
        yield number, cells if len(cells) > 1 else cells[0].rsplit(None, 1) if cells else []


def _may_be_table(name: str, names: Counter[tuple[str, str]]) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and names[str(path.parent), path.suffix] <= _MOST_TABLES


def _is_table(path: Path) -> bool:
    """Whether the first row names a column of paths and one of labels; False for a damaged file."""
    try:
        return _layout(next(_rows(path))[1]) is not None
    except DataError:
        return False


def _split_of_folders(picture: str, split_names: frozenset[str]) -> str | None:
    """The folder above a picture that is named as a split, if there is one alone."""
    folders = [folder for folder in picture.split("/")[:-1] if fold_name(folder) in split_names]
    return folders[0] if len(folders) == 1 else None


def _once(line: _Line, lines: Sequence[_Line]) -> _Line | Reject:
    """The first of the lines that list a picture; a reject for all others, and for all that do not agree."""
    others = ", ".join(other.source for other in lines[:_NUM_NAMED] if other is not line)
    if len({(fold_name(other.label), other.split) for other in lines}) > 1:
        detail = f"{line.picture} is listed with other labels or splits too ({others})"
    elif line is not lines[0]:
        detail = f"{line.picture} is listed before ({others})"
    else:
        return line
    return Reject(line.source, "listed_twice", detail, line.split, line.label)
