"""Folders of images on disk: one per class, optionally inside one per split."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from emopipe.ingest.sources.base import PathSource, RawRow, Reject, RowCounts
from emopipe.ingest.sources.image_tree import ImageTree, read_image
from emopipe.ingest.sources.listing import all_files


@dataclass(frozen=True)
class ClassFolders(PathSource):
    """Rows are named by their path. Every file is a row, except the bookkeeping of systems and of git."""

    path: Path
    split_names: frozenset[str]
    format: ClassVar[str] = "class folders"
    accepts: ClassVar[str] = "folders of pictures (train/happy/1.jpg, or happy/1.jpg; jpg, jpeg, png, bmp, webp)"

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(all_files(self.path))

    @classmethod
    def find(cls, path: Path, split_names: frozenset[str]) -> list[Self]:
        """The tree at `path`, if any of its sub-folders holds an image."""
        source = cls(path, split_names)
        return [source] if path.is_dir() and source._tree.holds_images else []

    def counts(self) -> RowCounts:
        return self._tree.counts()

    def read(self) -> Iterator[RawRow | Reject]:
        return self._tree.rows(self._load)

    @cached_property
    def _tree(self) -> ImageTree:
        return ImageTree(self.files, self.split_names)

    def _load(self, name: str) -> bytes | Reject:
        try:
            with (self.root / name).open("rb") as file:
                return read_image(name, file)
        except OSError as error:
            return Reject(name, "unreadable_file", error.strerror or type(error).__name__)
