"""Pictures of faces by their ids, from whichever table of faces at hand has them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from emopipe.face_file import FaceFile

TABLE = "build/clean.parquet"


def find_pictures(root: Path, ids: Sequence[str], digests: Iterable[str]) -> dict[str, bytes]:
    """PNGs by id: from the workspace, else from tables in DVC's cache, by their hashes. An id names pixels.

    What no table has is left out.
    """
    found: dict[str, bytes] = {}
    for path in _tables(root, digests):
        missing = set(ids) - set(found)
        if missing and path.exists():
            file = FaceFile(path)
            rows = np.flatnonzero(file.frame["id"].isin(list(missing)))
            names = file.frame["id"]
            found |= {names[row]: png for row, png in file.pngs(rows).items()}
    return found


def _tables(root: Path, digests: Iterable[str]) -> Iterator[Path]:
    yield root / TABLE
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        cache = repo.cache.local
        yield from (Path(cache.oid_to_path(digest)) for digest in digests)
