"""Which picture a path in a table names, whatever folder of whatever computer it starts from."""

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from emopipe.faces.decode import is_image_name

_NUM_NAMED = 2


class PicturePaths:
    """The pictures below a folder, to be found by any end of their paths."""

    def __init__(self, names: Iterable[str]) -> None:
        """names: paths of all files relative to the folder, with `/`."""
        self.names = tuple(filter(is_image_name, names))

    def find(self, cell: str, folder: str) -> list[str]:
        """The pictures that a cell of a table in `folder` can mean: one, none, or several.

        It is a path relative to the table or to the root, else an end of the picture's path (`1.jpg`, also without the
        suffix), else the picture's path is an end of it (`/home/ann/faces/train/1.jpg`).
        """
        path = _key(cell).lstrip("/")
        for start in (_key(folder), ""):
            if found := self._by_path.get(posixpath.normpath(posixpath.join(start, path))):
                return self._as_written(found, cell)
        while path.startswith(("../", "./")):
            path = path.partition("/")[2]
        if found := self._by_end.get(path):
            return self._as_written(found, cell)
        return next((found for end in _ends(path) if (found := self._by_path.get(end, []))), [])

    def _as_written(self, found: list[str], cell: str) -> list[str]:
        """Those that end as the cell is written, if names differ in case alone."""
        return [name for name in found if len(found) > 1 and name.endswith(cell)] or found

    @cached_property
    def _by_path(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            names[_key(name)].append(name)
        return dict(names)

    @cached_property
    def _by_end(self) -> dict[str, list[str]]:
        """The first pictures of each end."""
        names: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            key = _key(name)
            for end in (*_ends(key), *_ends(posixpath.splitext(key)[0])):
                if len(names[end]) < _NUM_NAMED:
                    names[end].append(name)
        return dict(names)


def _key(path: str) -> str:
    """A path in the form in which paths are compared: with `/`, NFC, casefolded."""
    return unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()


def _ends(path: str) -> Iterator[str]:
    """The path and its ends, the longest first."""
    while path:
        yield path
        path = path.partition("/")[2]
