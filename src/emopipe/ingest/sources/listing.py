"""The files of a data folder, without the bookkeeping of systems and of git."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emopipe.core.errors import DataError

_BOOKKEEPING = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".gitignore", ".gitattributes", ".gitkeep"})
"""Files that systems and git leave in any folder; they, `__MACOSX` and hidden folders are not data."""


def is_data(name: str) -> bool:
    """Whether the file at this relative path is data."""
    *folders, last = PurePosixPath(name).parts or (".",)
    return last not in _BOOKKEEPING and all(map(_is_data_folder, folders))


def visible_files(folder: Path) -> list[str]:
    """Names of the files in `folder` itself, sorted."""
    names = sorted(item.name for item in folder.iterdir() if item.is_file() and item.name not in _BOOKKEEPING)
    for name in names:
        require_utf8(folder / name)
    return names


def files_at(path: Path) -> list[Path]:
    """`path` itself if it is a file, else the files in that folder, sorted."""
    return [path] if path.is_file() else [path / name for name in visible_files(path)]


def all_files(root: Path) -> Iterator[str]:
    """Paths of all files below `root`, relative to it, with `/`, in sorted order of folders and names.

    Raises `DataError` at a link to a folder: followed, it might not end; skipped, its files would be missing. Also at
    a name that is not UTF-8: no table and no other system could hold it.
    """
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(filter(_is_data_folder, subfolders))
        for name in subfolders:
            if Path(folder, name).is_symlink():
                raise DataError(f"{Path(folder, name)} is a link to a folder: put the folder itself in its place")
        for name in sorted(set(names) - _BOOKKEEPING):
            require_utf8(Path(folder, name))
            yield Path(folder, name).relative_to(root).as_posix()


def require_utf8(path: Path) -> None:
    """Raise `DataError` unless the path is UTF-8."""
    text = str(path)
    if not text.isascii() and text != (shown := os.fsencode(path).decode("utf-8", "backslashreplace")):
        raise DataError(f"{shown} is a name that is not UTF-8: rename it, as with `convmv -f latin1 -t utf8`")


def _is_data_folder(name: str) -> bool:
    return name[0] != "." and name != "__MACOSX"
