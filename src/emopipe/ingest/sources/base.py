"""What a reader gives: the rows of a source as they stand there, before labels and splits are understood.

A new form of data is one new file with a class of this shape, named in `emopipe.ingest.sources.READERS`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self

import numpy as np

Reason = Literal[
    "malformed_row",
    "wrong_pixel_count",
    "bad_pixel_value",
    "not_an_image",
    "no_picture",
    "unsafe_member",
    "unreadable_file",
    "too_many_bytes",
    "undecodable_image",
    "too_many_pixels",
    "no_face",
    "unknown_label",
    "no_majority",
    "voted_no_class",
    "no_split",
]
Tally = Counter[tuple[str | None, str]]
"""Rows by (split, label), in the source's own words."""


@dataclass(frozen=True)
class RawRow:
    """One labelled picture, in the source's own words."""

    source: str
    """Where a person finds it, relative to the source's root: `fer2013.csv:17` (line 17), `train/happy/1.jpg`."""
    label: str
    split: str | None
    """None where the source names no split for this row."""
    picture: np.ndarray | bytes
    """Grey pixels, uint8 (H, W, 1), or the bytes of an encoded picture."""
    votes: Mapping[str, int] | None = None
    """How many annotators chose each label, in the source's own names; None where it has no votes."""


@dataclass(frozen=True)
class Reject:
    """One row that cannot be used, and why."""

    source: str
    reason: Reason
    detail: str
    split: str | None = None
    """In the source's own words, like the label; None where they are not known."""
    label: str | None = None


class Source(Protocol):
    """Data that a reader has recognised; nothing but the look of them has been read yet."""

    form: ClassVar[str]
    """What the form is called."""
    accepts: ClassVar[str]
    """The form described in a phrase, for those whose data were not recognised."""

    @property
    def name(self) -> str:
        """The path of the file or folder, for messages."""

    @property
    def root(self) -> Path:
        """The folder that names of files and rows are relative to."""

    @property
    def files(self) -> tuple[str, ...]:
        """All files that belong to the source, relative to `root`, in the order of reading."""

    @classmethod
    def find(cls, path: Path, split_names: Collection[str]) -> list[Self]:
        """The sources of this form at `path`: none, one, or too many. `split_names` are lower case."""

    def tally(self) -> Tally:
        """Count the rows without decoding a picture."""

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows, one at a time, in an order that does not change. Raises `DataError` if the source is damaged."""


class AtPath:
    """What follows from the path of a source: a base for readers of a file or a folder."""

    path: Path

    @property
    def name(self) -> str:
        """The path, for messages."""
        return str(self.path)

    @property
    def root(self) -> Path:
        """The folder, or that of the one file."""
        return self.path if self.path.is_dir() else self.path.parent
