"""Folders of images on disk: one per class, optionally inside one per split."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
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
    accepts: ClassVar[str] = "folders of pictures (train/happy/1.jpg, or happy/1.jpg; jpg, jpeg, png, bmp, webp)"

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The tree at `path`, if any of its sub-folders holds an image."""
        source = cls(path, tuple(all_files(path)) if path.is_dir() else ())
        return [source] if source._tree.holds_images else []

    def with_names(self, names: KnownNames) -> Self:
        return replace(self, names=names)

    def counts(self) -> RowCounts:
        return self._tree.counts()

    def unusable(self) -> RejectCounts:
        return self._tree.unusable()

    def read(self) -> Iterator[RawRow | Reject]:
        return self._tree.rows(self._load)

    @cached_property
    def _tree(self) -> ImageTree:
        return ImageTree(self.files, self.names)

    def _load(self, name: str) -> bytes | Reject:
        try:
            with (self.root / name).open("rb") as file:
                return read_image(name, file)
        except OSError as error:
            return Reject(name, "unreadable_file", error.strerror or type(error).__name__)
