"""Folders of images on disk: one per class, optionally inside one per split."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Self

from emopipe.ingest.sources.base import KnownNames, PathSource, RawRow, Reject, RejectCounts, RowCounts
from emopipe.ingest.sources.image_tree import ImageTree, read_image
from emopipe.ingest.sources.listing import all_files


@dataclass(frozen=True)
class ClassFolders(PathSource):
    """Rows are named by their path. Every file is a row, except the bookkeeping of systems and of git."""

    path: Path
    files: tuple[str, ...] = ()
    names: KnownNames = field(default=KnownNames(), kw_only=True)
    format: ClassVar[str] = "class folders"
    accepts: ClassVar[str] = "folders of pictures (train/happy/1.jpg, or happy/1.jpg; jpg, png, bmp, webp, tiff, gif)"

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The tree at `path`, if any of its sub-folders holds an image."""
        source = cls(path, tuple(all_files(path)) if path.is_dir() else ())
        return [source] if source._tree.holds_images else []

    def with_names(self, names: KnownNames) -> Self:
        return replace(super().with_names(names), names=names)

    def counts(self) -> RowCounts:
        return self._tree.counts()

    def unusable(self) -> RejectCounts:
        return self._tree.unusable()

    def unread_suffixes(self) -> Counter[str]:
        return self._tree.unread_suffixes()

    def read(self) -> Iterator[RawRow | Reject]:
        return self._tree.rows(partial(read_file, self.root))

    @cached_property
    def _tree(self) -> ImageTree:
        return ImageTree(self.files, self.names)


def read_file(root: Path, name: str) -> bytes | Reject:
    """The content of the picture `name` below `root`, or a reject of that row."""
    try:
        with (root / name).open("rb") as file:
            return read_image(name, file)
    except OSError as error:
        return Reject(name, "unreadable_file", error.strerror or type(error).__name__)
