"""Folders of pictures on disk, with a folder per class, and one per split above it where there are splits."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from emopipe.ingest.sources.base import RawRow, Reject, Tally
from emopipe.ingest.sources.listing import all_files
from emopipe.ingest.sources.picture_tree import PictureTree, read_picture


@dataclass(frozen=True)
class ClassFolders:
    """Pictures named by their path. Every file is a row, apart from the bookkeeping of systems and of git."""

    root: Path
    files: tuple[str, ...]
    split_names: frozenset[str]
    form: ClassVar[str] = "class folders"
    accepts: ClassVar[str] = "folders of pictures (train/happy/1.jpg, or happy/1.jpg; jpg, jpeg, png, bmp, webp)"

    @property
    def name(self) -> str:
        """The path of the tree."""
        return str(self.root)

    @classmethod
    def find(cls, path: Path, split_names: Collection[str]) -> list[Self]:
        """The tree at `path`, if any of its sub-folders holds a picture."""
        files = tuple(all_files(path)) if path.is_dir() else ()
        source = cls(path, files, frozenset(split_names))
        return [source] if source._tree.holds_pictures else []

    def tally(self) -> Tally:
        """Count the pictures by the folders of their split and class."""
        return self._tree.tally()

    def read(self) -> Iterator[RawRow | Reject]:
        """All files in sorted order."""
        return self._tree.rows(self._load)

    @cached_property
    def _tree(self) -> PictureTree:
        return PictureTree(self.files, self.split_names)

    def _load(self, name: str) -> bytes | Reject:
        try:
            with (self.root / name).open("rb") as file:
                return read_picture(name, file)
        except OSError as error:
            return Reject(name, "unreadable_file", error.strerror or type(error).__name__)
