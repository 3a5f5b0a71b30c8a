"""Class folders in one zip, read in place: nothing is unpacked to disk, so no member can write anywhere.

An unsafe or unreadable member is rejected like any other row; only an archive whose list of members is damaged, or
exceeds the limits, is refused as a whole.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from emopipe.core.errors import DataError
from emopipe.ingest.sources.base import KnownNames, PathSource, RawRow, Reject, RejectCounts, RowCounts
from emopipe.ingest.sources.image_tree import ImageTree
from emopipe.ingest.sources.listing import files_at
from emopipe.ingest.sources.magic import file_kind
from emopipe.ingest.sources.zip_members import Members, load_member, open_zip, sort_members

MAX_MEMBERS = 2_000_000
"""Most members of an archive."""
MAX_UNPACKED = 2**38
"""Largest total of the sizes that the archive declares, in bytes."""


@dataclass(frozen=True)
class ZipFolders(PathSource):
    """A zip of class folders. Rows are named `faces.zip:train/happy/1.jpg`."""

    path: Path
    names: KnownNames = field(default=KnownNames(), kw_only=True)
    format: ClassVar[str] = "zip of class folders"
    accepts: ClassVar[str] = "a zip of such folders"

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The file `path`, or those in that folder, that are such archives."""
        return [cls(item) for item in files_at(path) if holds_class_folders(item)]

    def with_names(self, names: KnownNames) -> Self:
        return replace(super().with_names(names), names=names)

    def counts(self) -> RowCounts:
        self._check_limits()
        return self._tree.counts()

    def unusable(self) -> RejectCounts:
        return self._tree.unusable() + Counter((None, reject.reason) for reject in self._members.rejects)

    def unread_suffixes(self) -> Counter[str]:
        return self._tree.unread_suffixes()

    def read(self) -> Iterator[RawRow | Reject]:
        """The unsafe members, then all others in the order of `listing.all_files`."""
        self._check_limits()
        yield from self._members.rejects
        with open_zip(self.path) as archive:
            files, prefix = self._members.files, self._tree.prefix
            yield from self._tree.rows(lambda name: load_member(archive, files[name], prefix + name))

    @cached_property
    def _members(self) -> Members:
        with open_zip(self.path) as archive:
            return sort_members(archive, f"{self.path.name}:")

    @cached_property
    def _tree(self) -> ImageTree:
        return ImageTree(tuple(self._members.files), self.names, f"{self.path.name}:")

    def _check_limits(self) -> None:
        members = self._members
        if members.num_members > MAX_MEMBERS or members.num_bytes > MAX_UNPACKED:
            raise DataError(
                f"{self.path} holds {members.num_members} members of {members.num_bytes} bytes unpacked, "
                f"expected at most {MAX_MEMBERS} of {MAX_UNPACKED}: unpack it and name the folder"
            )


def holds_class_folders(path: Path) -> bool:
    """Whether `path` is a zip with an image in a folder; False also for a damaged one."""
    if file_kind(path) != "zip":
        return False
    try:
        return ZipFolders(path)._tree.holds_images
    except DataError:
        return False
