"""Folders of pictures in one zip, read where they are: nothing is unpacked to disk, so no member can write anywhere.

A member that cannot be trusted or read is rejected like any other row; only an archive whose list of members cannot be
read, or promises more than a data set of faces, is refused as a whole.
"""

import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from emopipe.core.errors import DataError
from emopipe.ingest.sources.base import AtPath, RawRow, Reject, Tally
from emopipe.ingest.sources.listing import visible_files
from emopipe.ingest.sources.magic import file_kind
from emopipe.ingest.sources.picture_tree import PictureTree
from emopipe.ingest.sources.zip_members import Members, load_member, open_zip, sort_members

MAX_MEMBERS = 2_000_000
"""Most members of an archive."""
MAX_UNPACKED = 2**38
"""Most bytes that all members together may unpack to, as the archive declares them."""


@dataclass(frozen=True)
class ZipFolders(AtPath):
    """A zip of class folders. Rows are named `faces.zip:train/happy/1.jpg`."""

    path: Path
    split_names: frozenset[str]
    form: ClassVar[str] = "zip of class folders"
    accepts: ClassVar[str] = "a zip of such folders"

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.path.name,)

    @classmethod
    def find(cls, path: Path, split_names: Collection[str]) -> list[Self]:
        """`path` itself, or those of its own files that are such an archive."""
        paths = [path] if path.is_file() else [path / name for name in visible_files(path)]
        return [cls(item, frozenset(split_names)) for item in paths if holds_class_folders(item)]

    def tally(self) -> Tally:
        """Count the pictures by the folders of their split and class, those that cannot be unpacked among them."""
        self._require_moderate()
        return self._tree.tally()

    def read(self) -> Iterator[RawRow | Reject]:
        """The members that cannot be trusted, then all others in the order in which unpacked files would be read."""
        self._require_moderate()
        yield from self._members.rejects
        with open_zip(self.path) as archive:
            yield from self._tree.rows(self._loader(archive))

    @property
    def _prefix(self) -> str:
        return f"{self.path.name}:"

    @cached_property
    def _members(self) -> Members:
        with open_zip(self.path) as archive:
            return sort_members(archive, self._prefix)

    @cached_property
    def _tree(self) -> PictureTree:
        return PictureTree(tuple(self._members.files), self.split_names, self._prefix)

    def _require_moderate(self) -> None:
        members = self._members
        if members.num_members > MAX_MEMBERS or members.num_bytes > MAX_UNPACKED:
            raise DataError(
                f"{self.path} holds {members.num_members} members of {members.num_bytes} bytes unpacked, "
                f"expected at most {MAX_MEMBERS} of {MAX_UNPACKED}: unpack it and name the folder"
            )

    def _loader(self, archive: zipfile.ZipFile) -> Callable[[str], bytes | Reject]:
        return lambda name: load_member(archive, self._members.files[name], self._prefix + name)


def holds_class_folders(path: Path) -> bool:
    """Whether `path` is a zip with a picture in a folder; False also for one that is damaged."""
    if file_kind(path) != "zip":
        return False
    try:
        return ZipFolders(path, frozenset())._tree.holds_pictures
    except DataError:
        return False
