"""Which files are meant by what a person named: files, folders, patterns. Found one by one, while others are read."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emopipe.faces.decode import IMAGE_SUFFIXES

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"})


@dataclass(frozen=True)
class Input:
    """A file, and what its name says that it is. `other` are files of folders that are neither, `missing` is none."""

    path: Path
    kind: Literal["image", "video", "other", "missing"]


def find_inputs(names: Iterable[str], *, without: Path | None = None) -> Iterator[Input]:
    """The files that `names` mean, name by name, those of a folder or a pattern in sorted order.

    A name is a file, a folder (with all below it, but nothing hidden and no folder behind a link) or a pattern such as
    `photos/**/*.jpg`. A file named alone is taken for an image if it is not called a video. What lies in the folder
    `without` is left out. Of a large tree only the names of one folder at a time are held in memory.
    """
    for name in names:
        paths = [name] if os.path.lexists(name) else sorted(glob.glob(name, recursive=True))  # noqa: PTH207 (absolute)
        found = False
        for path in map(Path, paths):
            found = True
            if path.is_dir():
                yield from _below(path, without and without.resolve())
            else:
                yield Input(path, "video" if path.suffix.lower() in VIDEO_SUFFIXES else "image")
        if not found:
            yield Input(Path(name), "missing")


def _below(root: Path, without: Path | None) -> Iterator[Input]:
    for folder, subfolders, names in os.walk(root):
        if without is not None and Path(folder).resolve() == without:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            yield Input(Path(folder, name), _kind(name))


def _kind(name: str) -> Literal["image", "video", "other"]:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 (of very many names, and thirty times faster)
    return "image" if suffix in IMAGE_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else "other"
