"""FER2013's CSV: one face per row, its pixels as text (Goodfellow et al. 2013, the columns emotion, pixels, Usage).

The order and case of the columns and blanks around their names do not matter; further columns are ignored.
If the votes of FER+ lie in the same folder, each row carries its own.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emopipe.core.errors import DataError
from emopipe.faces.classes import FER2013_CODES
from emopipe.faces.decode import IMAGE_SUFFIXES
from emopipe.ingest.sources.base import PathSource, RawRow, Reject, RejectCounts, RowCounts
from emopipe.ingest.sources.fer_plus import Ballot, find_votes, read_votes
from emopipe.ingest.sources.lines import header_or_none, read_header, read_lines, split_cells
from emopipe.ingest.sources.listing import files_at
from emopipe.ingest.sources.magic import ARROW_KINDS, file_kind
from emopipe.ingest.sources.zip_folders import holds_class_folders

_COLUMNS = ("emotion", "pixels", "usage")
_NUM_SAMPLED = 32
"""Rows from which the side of the images is inferred."""
_NUM_QUOTED = 40


class _Record(NamedTuple):
    source: str
    emotion: str
    pixels: str
    usage: str | None
    votes: Mapping[str, int] | None = None


@dataclass(frozen=True)
class FerCsv(PathSource):
    """A CSV of square grey faces. Rows are named by their line in the unpacked file; the header is line 1."""

    path: Path
    votes: Path | None = None
    """FER+'s votes in the same folder, aligned with the rows of the CSV."""
    format: ClassVar[str] = "FER2013 CSV"
    label_codes: ClassVar[Mapping[str, str]] = FER2013_CODES
    accepts: ClassVar[str] = "a CSV with the columns emotion, pixels and Usage (plain, or as gz, xz, zst or zip)"

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path.name, *([self.votes.name] if self.votes else []))

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The file `path`, or those in that folder, that are such CSVs, each with the votes beside it."""
        if path.is_file():
            paths = [path] if _is_table(path) else []
        else:
            others = (item for item in files_at(path) if item.suffix.lower() not in IMAGE_SUFFIXES)
            paths = [item for item in others if _has_columns(header_or_none(item))]
        return [cls(item, find_votes(item)) for item in paths]

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
        lines = read_lines(self.path)
        names = [name.lower() for name in split_cells(next(lines))]
        columns = [names.index(name) for name in _COLUMNS]
        for number, line in enumerate(lines, start=2):
            cells = split_cells(line)
            source = f"{self.path.name}:{number}"
            if len(cells) == len(names):
                emotion, pixels, usage = (cells[column] for column in columns)
                yield _Record(source, emotion, pixels, usage or None)
            elif cells:
                yield Reject(source, "malformed_row", f"{len(cells)} cells, expected {len(names)}")


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
        return None
    valid = len(values) and np.bitwise_or.reduce(values) >> 8 == 0  # no bit above the eighth, no sign
    return values.astype(np.uint8) if valid else None


def _common_side(texts: Iterable[str]) -> int:
    """The most frequent side of the images in `texts`, 0 if none is a square of valid pixels."""
    counts = [len(values) for text in texts if (values := _values(text)) is not None]
    sides = Counter(math.isqrt(count) for count in counts if math.isqrt(count) ** 2 == count)
    return max(sides, key=lambda side: sides[side], default=0)


def _raw_row(record: _Record, side: int) -> RawRow | Reject:
    values = _values(record.pixels)
    if values is not None and len(values) == side**2:
        return RawRow(record.source, record.emotion, record.usage, values.reshape(side, side, 1), record.votes)
    texts, keys = record.pixels.split(), (record.usage, record.emotion)
    if len(texts) != side**2 or not side:
        detail = f"{len(texts)} pixels, expected {side**2 or 'a square'}"
        return Reject(record.source, "wrong_pixel_count", detail, *keys)
    value = next((text for text in texts if not _is_pixel(text)), "")
    detail = f"value {value[:_NUM_QUOTED]!r}, expected an integer from 0 to 255"
    return Reject(record.source, "bad_pixel_value", detail, *keys)


def _is_pixel(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text.lstrip("0")[:4] or 0) <= 255
