"""The interface of readers: the rows of a source as it writes them, with labels and splits not yet mapped.

A new data format is one file with a class of this shape, listed in `emopipe.ingest.sources.READERS`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal, Protocol, Self

import numpy as np

from emopipe.core.errors import DataError
from emopipe.core.names import fold_name
from emopipe.ingest.params import Split

_NUM_NAMED = 12

Reason = Literal[
    "malformed_row",
    "repeated_header",
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
    "ambiguous_path",
    "missing_file",
    "not_listed",
    "listed_twice",
]


@dataclass(frozen=True)
class KnownNames:
    """Names that params.yaml and the project know, all folded (`fold_name`)."""

    splits: Mapping[str, Split] = field(default_factory=dict)
    labels: Mapping[str, str | None] = field(default_factory=dict)
    """The class of each; None for a label whose rows are rejected."""
    group_column: str | None = None
    """The column whose values are the groups of rows (`ingest.group_by`)."""


RowCounts = Counter[tuple[str | None, str]]
"""Rows by (split, label), as the source spells them."""
RejectCounts = Counter[tuple[str | None, Reason]]
"""Rejects by (split, reason)."""


@dataclass(frozen=True)
class RawRow:
    """One labelled image, with labels and splits as the source spells them."""

    source: str
    """Where it is, relative to the source's root: `fer2013.csv:17` (line 17), `train/happy/1.jpg`."""
    label: str
    split: str | None
    """None if the source names no split for this row."""
    image: np.ndarray | bytes
    """Grey pixels, uint8 (H, W, 1), or the bytes of an encoded image."""
    votes: Mapping[str, int] | None = None
    """Number of annotators by label; None if the source has no votes."""
    group: str | None = None
    """The value in `KnownNames.group_column`: a person, a session; None without one."""


@dataclass(frozen=True)
class Reject:
    """One row that cannot be used, and why."""

    source: str
    reason: Reason
    detail: str
    split: str | None = None
    """As the source spells it, like the label; None if unknown."""
    label: str | None = None


class Source(Protocol):
    """Data of one format, recognised but not yet read."""

    format: ClassVar[str]
    """Name of the format."""
    accepts: ClassVar[str]
    """Description of the format, for the error that nothing is recognised."""

    label_codes: ClassVar[Mapping[str, str]]
    """The emotions that integer labels stand for in this format, by their text; empty if that varies."""

    @property
    def name(self) -> str:
        """The path of the file or folder, for messages."""

    @property
    def root(self) -> Path:
        """The folder that names of files and rows are relative to."""

    @property
    def files(self) -> tuple[str, ...]:
        """All files of the source, relative to `root`, in the order of reading."""

    @property
    def is_drawn(self) -> bool:
        """Whether `emopipe data sample` drew the faces."""

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The sources of this format at `path`, a file or folder. `split_names` are folded."""

    def with_names(self, names: KnownNames) -> Self:
        """The source that uses these names where splits and labels are hard to tell from other words."""

    def counts(self) -> RowCounts:
        """Count the labelled rows without decoding an image."""

    def unusable(self) -> RejectCounts:
        """Count the rows beside these: `read` rejects them for a reason that needs no image."""

    def unread_suffixes(self) -> Counter[str]:
        """Count the files that are rejected for their suffix."""

    def read(self) -> Iterator[RawRow | Reject]:
        """All rows, one at a time, in a fixed order. Raises `DataError` if the source is damaged."""


def column_index(path: Path, columns: Sequence[str], wanted: str | None) -> int | None:
    """The index of the column `wanted` for groups, in any case, None for none; raises `DataError` without it."""
    if wanted is None:
        return None
    folded = [fold_name(name) for name in columns]
    if fold_name(wanted) not in folded:
        raise DataError(
            f"{path} has no column {wanted} (ingest.group_by in params.yaml), but {', '.join(columns[:_NUM_NAMED])}"
            f"{', ...' if len(columns) > _NUM_NAMED else ''}: name one of them"
        )
    return folded.index(fold_name(wanted))


class PathSource:
    """Base of readers of one file or folder: properties that follow from the path."""

    path: Path
    format: ClassVar[str]
    label_codes: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def root(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def files(self) -> tuple[str, ...]:
        return (self.path.name,)

    @property
    def is_drawn(self) -> bool:
        return False

    def with_names(self, names: KnownNames) -> Self:
        """The source itself; raises `DataError` when a column is asked for, which this format does not have."""
        if names.group_column is not None:
            raise DataError(
                f"{self.name} ({self.format}) has no column {names.group_column} (ingest.group_by): name a level of "
                "folders, such as folder:1 for the first of each path, or folder:-1 for the last"
            )
        return self

    def unusable(self) -> RejectCounts:
        return Counter()

    def unread_suffixes(self) -> Counter[str]:
        return Counter()
