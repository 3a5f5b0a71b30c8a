"""Folders of pictures: `train/happy/1.jpg` with a folder per split, or `happy/1.jpg` alone.

Folders above these (`fer/train/...`) and below them (`happy/person 7/...`) change nothing.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import ClassVar, Self

from emopipe.sources.base import RawRow, Reject, Tally
from emopipe.sources.listing import IMAGE_SUFFIXES, all_files


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
        holds_pictures = any("/" in name and _is_picture(name) for name in files)
        return [cls(path, files, frozenset(split_names))] if holds_pictures else []

    def tally(self) -> Tally:
        """Count the pictures by the folders of their split and class."""
        placed = (self._place(name) for name in self.files if _is_picture(name))
        return Counter((split, label) for split, label in placed if label is not None)

    def read(self) -> Iterator[RawRow | Reject]:
        """All files in sorted order."""
        for name in self.files:
            yield self._row(name)

    def _row(self, name: str) -> RawRow | Reject:
        if not _is_picture(name):
            return Reject(name, "not_an_image", f"expected a visible file, {', '.join(sorted(IMAGE_SUFFIXES))}")
        split, label = self._place(name)
        if label is None:
            return Reject(name, "unknown_label", "in no class folder")
        try:
            return RawRow(name, label, split, (self.root / name).read_bytes())
        except OSError as error:
            return Reject(name, "unreadable_file", error.strerror or type(error).__name__)

    def _place(self, name: str) -> tuple[str | None, str | None]:
        """Split and label of a file: the innermost split folder and the one below it, else the first that differs."""
        folders = PurePosixPath(name).parts[:-1]
        at = max((i for i, folder in enumerate(folders) if folder.lower() in self.split_names), default=None)
        below = folders[self._num_shared :] if at is None else folders[at + 1 :]
        return None if at is None else folders[at], next(iter(below), None)

    @cached_property
    def _num_shared(self) -> int:
        """Leading folders that all pictures share, short of the one that a picture lies in."""
        parents = [PurePosixPath(name).parent for name in self.files if _is_picture(name) and "/" in name]
        shared = PurePosixPath(os.path.commonpath(parents))
        return min(len(shared.parts), *(len(parent.parts) - 1 for parent in parents))


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
