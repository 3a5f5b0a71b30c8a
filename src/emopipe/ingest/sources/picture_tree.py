"""Pictures named by their path: `train/happy/1.jpg` with a folder per split, or `happy/1.jpg` alone.

Folders above these (`fer/train/...`) and below them (`happy/person 7/...`) change nothing. In FER2013's archive on
Kaggle (https://www.kaggle.com/datasets/msambare/fer2013) the folder `test` holds two of the three original parts,
which the names of the files tell apart: `test/happy/PublicTest_10131363.jpg`. Such a name goes before the folder.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import IO

from emopipe.faces.decode import IMAGE_SUFFIXES
from emopipe.ingest.sources.base import RawRow, Reject, Tally

MAX_BYTES = 2**26
"""Largest encoded picture, in bytes; what is larger is no picture of a face."""

_FER2013_PARTS = {name.lower(): name for name in ("Training", "PublicTest", "PrivateTest")}
_FER2013_NAME = re.compile(rf"({'|'.join(_FER2013_PARTS)})_.+", re.IGNORECASE)


@dataclass(frozen=True)
class PictureTree:
    """Files by their paths, with `/`; every one of them is a row or a reject."""

    names: tuple[str, ...]
    split_names: frozenset[str]
    """In lower case."""
    prefix: str = ""
    """What goes before a path to name the row."""

    @property
    def holds_pictures(self) -> bool:
        """Whether any folder of the tree holds a picture."""
        return any("/" in name and _is_picture(name) for name in self.names)

    def tally(self) -> Tally:
        """Count the pictures by their split and class."""
        placed = (self._place(name) for name in self.names if _is_picture(name))
        return Counter((split, label) for split, label in placed if label is not None)

    def rows(self, load: Callable[[str], bytes | Reject]) -> Iterator[RawRow | Reject]:
        """All files in the order of `names`; `load` reads the one at a path."""
        for name in self.names:
            yield self._row(name, load)

    def _row(self, name: str, load: Callable[[str], bytes | Reject]) -> RawRow | Reject:
        source = self.prefix + name
        split, label = self._place(name)
        if not _is_picture(name):
            detail = f"expected a visible file, {', '.join(sorted(IMAGE_SUFFIXES))}"
            return Reject(source, "not_an_image", detail, split, label)
        if label is None:
            return Reject(source, "unknown_label", "in no class folder", split)
        picture = load(name)
        if isinstance(picture, Reject):
            return replace(picture, split=split, label=label)
        return RawRow(source, label, split, picture)

    def _place(self, name: str) -> tuple[str | None, str | None]:
        """Split and label of a file: the innermost split folder and the one below it, else the first that differs."""
        path = PurePosixPath(name)
        folders = path.parts[:-1]
        at = max((i for i, folder in enumerate(folders) if folder.lower() in self.split_names), default=None)
        below = folders[self._num_shared :] if at is None else folders[at + 1 :]
        return _fer2013_part(path.stem) or (None if at is None else folders[at]), next(iter(below), None)

    @cached_property
    def _num_shared(self) -> int:
        """Leading folders that all pictures share, short of the one that a picture lies in."""
        parents = [PurePosixPath(name).parent for name in self.names if _is_picture(name) and "/" in name]
        shared = PurePosixPath(os.path.commonpath(parents))
        return min(len(shared.parts), *(len(parent.parts) - 1 for parent in parents))


def read_picture(source: str, file: IO[bytes]) -> bytes | Reject:
    """All of `file`, unless it holds more than `MAX_BYTES`; of that no more than one byte above the limit is read."""
    return within_limit(source, file.read(MAX_BYTES + 1))


def within_limit(source: str, picture: bytes) -> bytes | Reject:
    """`picture` itself, or a reject of the row `source` where it is larger than `MAX_BYTES`."""
    return picture if len(picture) <= MAX_BYTES else too_large(source)


def too_large(source: str) -> Reject:
    """The reject of a picture above `MAX_BYTES`."""
    return Reject(source, "too_many_bytes", f"more than the limit of {MAX_BYTES} bytes")


def _fer2013_part(stem: str) -> str | None:
    match = _FER2013_NAME.fullmatch(stem)
    return match and _FER2013_PARTS[match[1].lower()]


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
