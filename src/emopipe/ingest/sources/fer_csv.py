"""FER2013's CSV: one face per row, its pixels as text (Goodfellow et al. 2013, the columns emotion, pixels, Usage).

The order and case of the columns and blanks around their names do not matter; further columns are ignored, and the
column Usage may be missing, as in Kaggle's `train.csv`. Pixels are separated by blanks or commas, in brackets or not.
If the votes of FER+ lie in the same folder, each row carries its own.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emopipe.core.errors import DataError
from emopipe.faces.classes import FER2013_CODES
from emopipe.faces.decode import IMAGE_SUFFIXES
from emopipe.ingest.sources.base import KnownNames, PathSource, RawRow, Reject, RejectCounts, RowCounts, column_index
from emopipe.ingest.sources.fer_plus import Ballot, find_votes, read_votes
from emopipe.ingest.sources.lines import header_or_none, read_header, read_rows
from emopipe.ingest.sources.listing import files_at
from emopipe.ingest.sources.magic import ARROW_KINDS, file_kind
from emopipe.ingest.sources.zip_folders import holds_class_folders

_COLUMNS = ("emotion", "pixels")
DRAWN = "drawn"
"""Further column of faces that `emopipe data sample` drew."""
_USAGE = "usage"
_NUM_SAMPLED = 32
"""Rows from which the side of the images is inferred."""
_NUM_QUOTED = 40
_TO_BLANKS = str.maketrans(dict.fromkeys(",;[]()", " "))
_MAX_PIXEL = 255


class _Record(NamedTuple):
    source: str
    emotion: str
    pixels: str
    usage: str | None
    votes: Mapping[str, int] | None = None
    group: str | None = None


@dataclass(frozen=True)
class FerCsv(PathSource):
    """A CSV of square grey faces. Rows are named by their line in the unpacked file; the header is line 1."""

    path: Path
    votes: Path | None = None
    """FER+'s votes in the same folder, aligned with the rows of the CSV."""
    group_column: str | None = None
    format: ClassVar[str] = "FER2013 CSV"
    label_codes: ClassVar[Mapping[str, str]] = FER2013_CODES
    accepts: ClassVar[str] = "a CSV with the columns emotion, pixels and Usage (plain, or as gz, xz, zst, zip or tar)"

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path.name, *([self.votes.name] if self.votes else []))

    @property
    def is_drawn(self) -> bool:
        return DRAWN in read_header(self.path)

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The file `path`, or those in that folder, that are such CSVs, each with the votes beside it."""
        if path.is_file():
            paths = [path] if _is_table(path) else []
        else:
            others = (item for item in files_at(path) if item.suffix.lower() not in IMAGE_SUFFIXES)
            paths = [item for item in others if _has_columns(header_or_none(item))]
        return [cls(item, find_votes(item)) for item in paths]

    def with_names(self, names: KnownNames) -> Self:
        column_index(self.path, read_header(self.path), names.group_column)
        return replace(self, group_column=names.group_column)

    def counts(self) -> RowCounts:
        """Count the rows by Usage and emotion, those with bad pixels included."""
        return self._tally[0]

    def unusable(self) -> RejectCounts:
        return self._tally[1]

    @cached_property
    def _tally(self) -> tuple[RowCounts, RejectCounts]:
        """The counts of both, from one reading."""
        rows: RowCounts = Counter()
        rejects: RejectCounts = Counter()
        for item in self._records():
            if isinstance(item, _Record):
                rows[item.usage, item.emotion] += 1
            else:
                rejects[item.split, item.reason] += 1
        return rows, rejects

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows in the order of the file. The first rows determine the side; a row of another size is rejected.

        Raises `DataError` at the first row that the votes do not fit, and for more or fewer votes than rows.
        """
        items = self._records()
        sample = list(islice(items, _NUM_SAMPLED))
        side = _common_side(item.pixels for item in sample if isinstance(item, _Record))
        for item in chain(sample, items):
            yield item if isinstance(item, Reject) else _raw_row(item, side)

    def _records(self) -> Iterator[_Record | Reject]:
        return self._rows() if self.votes is None else self._rows_with_votes(self.votes)

    def _rows_with_votes(self, votes: Path) -> Iterator[_Record | Reject]:
        """Each row with its votes; a rejected row consumes its votes too."""
        last: Ballot | None = None
        for item, ballot in zip_longest(self._rows(), read_votes(votes)):
            if item is None:
                raise DataError(f"{ballot.source}: {self.path.name} has no row left for it{self._remedy}")
            if ballot is None:
                end = last.source if last else f"{votes}, line 1"
                raise DataError(f"{end}: the last of the votes, but {item.source} is to come{self._remedy}")
            last = ballot
            yield item if isinstance(item, Reject) else self._with_votes(item, ballot)

    def _with_votes(self, record: _Record, ballot: Ballot) -> _Record:
        if ballot.usage != (record.usage or ""):
            raise DataError(
                f"{ballot.source}: Usage {ballot.usage[:_NUM_QUOTED]!r}, expected {record.usage or ''!r} "
                f"as in {record.source}{self._remedy}"
            )
        return record._replace(votes=ballot.votes)

    @property
    def _remedy(self) -> str:
        return f"; put the votes that belong to {self.path.name} beside it, or none"

    def _rows(self) -> Iterator[_Record | Reject]:
        names: list[str] = []
        for number, cells in read_rows(self.path):
            source = f"{self.path.name}:{number}"
            if not names:
                names = [name.lower() for name in cells]
                emotion, pixels = map(names.index, _COLUMNS)
                usage = names.index(_USAGE) if _USAGE in names else None
                group = column_index(self.path, names, self.group_column)
            elif len(cells) != len(names):
                yield Reject(source, "malformed_row", f"{len(cells)} cells, expected {len(names)}")
            elif cells[emotion].lower() in _COLUMNS:
                yield Reject(source, "repeated_header", "the names of the columns again, expected a face")
            else:
                split, person = (None if column is None else cells[column] or None for column in (usage, group))
                yield _Record(source, cells[emotion], cells[pixels], split, group=person)


def _is_table(path: Path) -> bool:
    """Whether the file is such a CSV; a damaged one raises `DataError`, unless it may be of another format."""
    if file_kind(path) in ARROW_KINDS:
        return False
    return _has_columns(header_or_none(path) if holds_class_folders(path) else read_header(path))


def _has_columns(header: Collection[str]) -> bool:
    return set(_COLUMNS).issubset(header)


def _values(text: str) -> np.ndarray | None:
    """Pixels of 0 to 255, uint8 (N,), or None if any is no such number."""
    try:
        values = np.fromstring(text, dtype=np.int64, sep=" ")  # 4 times as fast as int() on each value
    except ValueError:
        return _whole_values(text)
    valid = len(values) and np.bitwise_or.reduce(values) >> 8 == 0  # no bit above the eighth, no sign
    return values.astype(np.uint8) if valid else None


def _whole_values(text: str) -> np.ndarray | None:
    """Like `_values`, of a list (`[70, 80]`) and of numbers with a point (`70.0`)."""
    try:
        values = np.fromstring(text.translate(_TO_BLANKS), dtype=np.float64, sep=" ")
    except ValueError:
        return None
    whole = values.astype(np.uint8) if len(values) and values.min() >= 0 and values.max() <= _MAX_PIXEL else None
    return whole if whole is not None and (whole == values).all() else None


def _common_side(texts: Iterable[str]) -> int:
    """The most frequent side of the images in `texts`, 0 if none is a square of valid pixels."""
    counts = [len(values) for text in texts if (values := _values(text)) is not None]
    sides = Counter(math.isqrt(count) for count in counts if math.isqrt(count) ** 2 == count)
    return max(sides, key=lambda side: sides[side], default=0)


def _raw_row(record: _Record, side: int) -> RawRow | Reject:
    values = _values(record.pixels)
    if values is not None and len(values) == side**2:
        return RawRow(
            record.source, record.emotion, record.usage, values.reshape(side, side, 1), record.votes, record.group
        )
    texts, keys = record.pixels.translate(_TO_BLANKS).split(), (record.usage, record.emotion)
    value = next((text for text in texts if _values(text) is None), None)
    if len(texts) != side**2 or not side:
        expected = side**2 or f"a square{'' if value is None else f' of integers, got {value[:_NUM_QUOTED]!r}'}"
        return Reject(record.source, "wrong_pixel_count", f"{len(texts)} pixels, expected {expected}", *keys)
    detail = f"value {(value or '')[:_NUM_QUOTED]!r}, expected an integer from 0 to 255"
    return Reject(record.source, "bad_pixel_value", detail, *keys)
