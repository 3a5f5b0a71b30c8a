"""FER2013's CSV: one face per row, its pixels as text (Goodfellow et al. 2013, the columns emotion, pixels, Usage).

The order of the columns, their case and blanks around their names do not matter, and further columns are ignored.
"""

import csv
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emopipe.errors import DataError
from emopipe.sources.base import RawRow, Reject, Tally
from emopipe.sources.lines import MAX_LINE, read_lines
from emopipe.sources.listing import IMAGE_SUFFIXES, visible_files

_COLUMNS = ("emotion", "pixels", "usage")
_NUM_SAMPLED = 32
"""Rows that are looked at to learn the side of the pictures."""
_NUM_QUOTED = 40


class _Record(NamedTuple):
    source: str
    emotion: str
    pixels: str
    usage: str | None


@dataclass(frozen=True)
class FerCsv:
    """A CSV of square grey faces. Rows are named by their line in the unpacked file; the header is line 1."""

    path: Path
    form: ClassVar[str] = "FER2013 CSV"
    accepts: ClassVar[str] = "a CSV with the columns emotion, pixels and Usage (plain, or as gz, xz, zst or zip)"

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self.path)

    @property
    def root(self) -> Path:
        """The folder of the file."""
        return self.path.parent

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.path.name,)

    @classmethod
    def find(cls, path: Path, split_names: Collection[str]) -> list[Self]:
        """`path` itself, or those of its own files that are such a CSV."""
        if path.is_file():
            return [cls(path)] if _is_header(path) else []
        names = (name for name in visible_files(path) if Path(name).suffix.lower() not in IMAGE_SUFFIXES)
        return [cls(path / name) for name in names if _is_sound_header(path / name)]

    def tally(self) -> Tally:
        """Count the rows by Usage and emotion, those with bad pixels among them."""
        records = (item for item in self._records() if isinstance(item, _Record))
        return Counter((record.usage, record.emotion) for record in records)

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows in the order of the file. The first rows settle the side; a row of another size is rejected."""
        items = self._records()
        sample = list(islice(items, _NUM_SAMPLED))
        side = _common_side(item.pixels for item in sample if isinstance(item, _Record))
        for item in chain(sample, items):
            yield item if isinstance(item, Reject) else _raw_row(item, side)

    def _records(self) -> Iterator[_Record | Reject]:
        csv.field_size_limit(MAX_LINE)  # the default, 131,072, ends at pictures of 180x180
        lines = read_lines(self.path)
        names = _cells(next(lines))
        columns = [[name.lower() for name in names].index(name) for name in _COLUMNS]
        for number, line in enumerate(lines, start=2):
            cells = _cells(line)
            source = f"{self.path.name}:{number}"
            if len(cells) == len(names):
                emotion, pixels, usage = (cells[column] for column in columns)
                yield _Record(source, emotion, pixels, usage or None)
            elif cells:
                yield Reject(source, "malformed_row", f"{len(cells)} cells, expected {len(names)}")


def _cells(line: str) -> list[str]:
    """Split one line: read alone, a stray quote spoils its own row and no other."""
    return [cell.strip() for cell in next(csv.reader((line,)))]


def _is_header(path: Path) -> bool:
    first = next(read_lines(path), "")
    return "," in first and {name.lower() for name in _cells(first)} >= set(_COLUMNS)


def _is_sound_header(path: Path) -> bool:
    """Like `_is_header`; a file that is no readable text is just another file in the folder."""
    try:
        return _is_header(path)
    except DataError:
        return False


def _values(text: str) -> np.ndarray | None:
    """Pixels of 0 to 255, uint8 (N,), or None if any is no such number."""
    try:
        values = np.fromstring(text, dtype=np.int64, sep=" ")  # 4 times as fast as int() on each value
    except ValueError:
        return None
    return values.astype(np.uint8) if len(values) and values.min() >= 0 and values.max() <= 255 else None


def _common_side(texts: Iterable[str]) -> int:
    """The side of most pictures among `texts`, 0 if none is a square of good pixels."""
    counts = [len(values) for text in texts if (values := _values(text)) is not None]
    sides = Counter(math.isqrt(count) for count in counts if math.isqrt(count) ** 2 == count)
    return max(sides, key=lambda side: sides[side], default=0)


def _raw_row(record: _Record, side: int) -> RawRow | Reject:
    values = _values(record.pixels)
    if values is not None and len(values) == side**2:
        return RawRow(record.source, record.emotion, record.usage, values.reshape(side, side, 1))
    texts = record.pixels.split()
    if len(texts) != side**2 or not side:
        return Reject(record.source, "wrong_pixel_count", f"{len(texts)} pixels, expected {side**2 or 'a square'}")
    value = next((text for text in texts if not _is_pixel(text)), "")
    return Reject(record.source, "bad_pixel_value", f"value {value[:_NUM_QUOTED]!r}, expected an integer from 0 to 255")


def _is_pixel(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text.lstrip("0")[:4] or 0) <= 255
