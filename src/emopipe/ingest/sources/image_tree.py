"""Images whose path gives split and label: `train/happy/1.jpg` with a folder per split, or `happy/1.jpg` alone.

Folders above these (`fer/train/...`) and below them (`happy/person 7/...`) are ignored. In FER2013's archive on Kaggle
(https://www.kaggle.com/datasets/msambare/fer2013) the folder `test` mixes two of the three original splits, which the
file names give: `test/happy/PublicTest_10131363.jpg`. Such a name takes precedence over the folder.
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
from emopipe.ingest.sources.base import RawRow, Reject, RowCounts

MAX_BYTES = 2**26
"""Largest encoded image, in bytes; a larger file is no image of a face."""

_FER2013_SPLITS = {name.lower(): name for name in ("Training", "PublicTest", "PrivateTest")}
_FER2013_NAME = re.compile(rf"({'|'.join(_FER2013_SPLITS)})_.+", re.IGNORECASE)


@dataclass(frozen=True)
class ImageTree:
    """Files by their paths, with `/`; each is a row or a reject."""

    names: tuple[str, ...]
    split_names: frozenset[str]
    """In lower case."""
    prefix: str = ""
    """Precedes the path in the name of a row."""

    @property
    def holds_images(self) -> bool:
        """Whether any folder of the tree holds an image."""
        return any("/" in name and _is_image(name) for name in self.names)

    def counts(self) -> RowCounts:
        """Count the images by their split and class."""
        keys = (self._split_and_label(name) for name in self.names if _is_image(name))
        return Counter((split, label) for split, label in keys if label is not None)

    def rows(self, load: Callable[[str], bytes | Reject]) -> Iterator[RawRow | Reject]:
        """All files in the order of `names`; `load` reads the one at a path."""
        return (self._row(name, load) for name in self.names)

    def _row(self, name: str, load: Callable[[str], bytes | Reject]) -> RawRow | Reject:
        source = self.prefix + name
        split, label = self._split_and_label(name)
        if not _is_image(name):
            detail = f"expected a visible file, {', '.join(sorted(IMAGE_SUFFIXES))}"
            return Reject(source, "not_an_image", detail, split, label)
        if label is None:
            return Reject(source, "unknown_label", "in no class folder", split)
        image = load(name)
        if isinstance(image, Reject):
            return replace(image, split=split, label=label)
        return RawRow(source, label, split, image)

    def _split_and_label(self, name: str) -> tuple[str | None, str | None]:
        """The innermost split folder and the folder below it; without one, the first folder that not all share."""
        path = PurePosixPath(name)
        folders = path.parts[:-1]
        at = max((i for i, folder in enumerate(folders) if folder.lower() in self.split_names), default=None)
        below = folders[self._num_shared :] if at is None else folders[at + 1 :]
        return _fer2013_split(path.stem) or (None if at is None else folders[at]), next(iter(below), None)

    @cached_property
    def _num_shared(self) -> int:
        """Leading folders that all images share, without the innermost folder of an image."""
        parents = [PurePosixPath(name).parent for name in self.names if _is_image(name) and "/" in name]
        shared = PurePosixPath(os.path.commonpath(parents))
        return min(len(shared.parts), *(len(parent.parts) - 1 for parent in parents))


def read_image(source: str, file: IO[bytes]) -> bytes | Reject:
    """The content of `file`; a reject above `MAX_BYTES`, of which no more than one byte is read."""
    return within_limit(source, file.read(MAX_BYTES + 1))


def within_limit(source: str, image: bytes) -> bytes | Reject:
    """`image` itself, or a reject of the row `source` above `MAX_BYTES`."""
    if len(image) > MAX_BYTES:
        return Reject(source, "too_many_bytes", f"more than the limit of {MAX_BYTES} bytes")
    return image


def _fer2013_split(stem: str) -> str | None:
    match = _FER2013_NAME.fullmatch(stem)
    return match and _FER2013_SPLITS[match[1].lower()]


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
