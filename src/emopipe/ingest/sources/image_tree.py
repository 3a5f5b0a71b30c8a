"""Images whose path gives split and label: `train/happy/1.jpg` with a folder per split, or `happy/1.jpg` alone.

`folder_layout` finds the folders that name them. In FER2013's archive on Kaggle
(https://www.kaggle.com/datasets/msambare/fer2013) the folder `test` mixes two of the three original splits, which the
file names give: `test/happy/PublicTest_10131363.jpg`. Such names count unless one of them is in the folder of another
split: then the images have been split anew.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import IO

from emopipe.core.names import fold_name
from emopipe.faces.decode import IMAGE_SUFFIXES, is_image_name
from emopipe.ingest.sources.base import KnownNames, RawRow, Reject, RejectCounts, RowCounts
from emopipe.ingest.sources.folder_layout import Folders, Place, read_layout

MAX_BYTES = 2**26
"""Largest encoded image, in bytes; a larger file is no image of a face."""

_FER2013_NAME = re.compile("(Training|PublicTest|PrivateTest)_[0-9]+")
_KAGGLE_TEST = ("PublicTest", "PrivateTest")
"""Splits that the folder `test` of Kaggle's archive holds."""


@dataclass(frozen=True)
class ImageTree:
    """Files by their paths, with `/`; each is a row or a reject."""

    names: tuple[str, ...]
    known: KnownNames
    prefix: str = ""
    """Precedes the path in the name of a row."""

    @property
    def holds_images(self) -> bool:
        """Whether any folder of the tree holds an image."""
        return any("/" in name and is_image_name(name) for name in self.names)

    def counts(self) -> RowCounts:
        """Count the images by their split and class, without those that have no class or a fault."""
        places = [self._place(name) for name in self.names if is_image_name(name)]
        return Counter((place.split, place.label) for place in places if place.label is not None and not place.fault)

    def unusable(self) -> RejectCounts:
        """Count the files that are rejected for their path."""
        rejects = (self._reject(name, self._place(name)) for name in self.names)
        return Counter((reject.split, reject.reason) for reject in rejects if reject)

    def unread_suffixes(self) -> Counter[str]:
        """Count the files that are not read, by suffix."""
        return suffixes(name for name in self.names if not is_image_name(name))

    def rows(self, load: Callable[[str], bytes | Reject]) -> Iterator[RawRow | Reject]:
        """All files in the order of `names`; `load` reads the one at a path."""
        return (self._row(name, load) for name in self.names)

    def _row(self, name: str, load: Callable[[str], bytes | Reject]) -> RawRow | Reject:
        place = self._place(name)
        if reject := self._reject(name, place):
            return reject
        image = load(name)
        if isinstance(image, Reject):
            return replace(image, split=place.split, label=place.label)
        return RawRow(self.prefix + name, place.label or "", place.split, image)

    def _reject(self, name: str, place: Place) -> Reject | None:
        source, (split, label, fault) = self.prefix + name, place
        if not is_image_name(name):
            detail = f"expected a visible file, {', '.join(sorted(IMAGE_SUFFIXES))}"
            return Reject(source, "not_an_image", detail, split, label)
        if fault:
            return Reject(source, "ambiguous_path", fault, split, label)
        return Reject(source, "unknown_label", "in no class folder", split) if label is None else None

    def _place(self, name: str) -> Place:
        place = self._places.get(_folders(name)) or Place(None, None)
        part = _fer2013_split(name) if self._has_fer2013_names and not place.fault else None
        return place._replace(split=part) if part else place

    @cached_property
    def _places(self) -> dict[Folders, Place]:
        """By folder that holds images."""
        return read_layout({_folders(name) for name in self.names if is_image_name(name)} - {()}, self.known)

    @cached_property
    def _has_fer2013_names(self) -> bool:
        parts = {(self._places.get(_folders(name)), _fer2013_split(name)) for name in self.names if is_image_name(name)}
        return all(part is None or place is None or self._agrees(place.split, part) for place, part in parts)

    def _agrees(self, folder: str | None, part: str) -> bool:
        """Whether the split of a folder may hold images of FER2013's split `part`."""
        if folder is None:
            return True
        splits = self.known.splits
        split = splits.get(fold_name(folder))
        return split is not None and (
            split == splits.get(fold_name(part)) or (fold_name(folder) == "test" and part in _KAGGLE_TEST)
        )


def suffixes(names: Iterable[str]) -> Counter[str]:
    """Count files by suffix, the most frequent first; `hidden` for those whose names begin with a dot."""
    return Counter(dict(Counter(map(_suffix, names)).most_common()))


def _suffix(name: str) -> str:
    path = PurePosixPath(name)
    return "hidden" if path.name.startswith(".") else path.suffix.lower() or "no suffix"


def _folders(name: str) -> Folders:
    return tuple(name.split("/")[:-1])


def read_image(source: str, file: IO[bytes]) -> bytes | Reject:
    """The content of `file`; a reject above `MAX_BYTES`, of which no more than one byte is read."""
    return within_limit(source, file.read(MAX_BYTES + 1))


def within_limit(source: str, image: bytes) -> bytes | Reject:
    """`image` itself, or a reject of the row `source` above `MAX_BYTES`."""
    if len(image) > MAX_BYTES:
        return Reject(source, "too_many_bytes", f"more than the limit of {MAX_BYTES} bytes")
    return image


def _fer2013_split(name: str) -> str | None:
    match = _FER2013_NAME.fullmatch(PurePosixPath(name).stem)
    return match and match[1]
