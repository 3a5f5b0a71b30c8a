"""Pictures of faces by their ids, from whichever table of faces at hand has them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emopipe.faces.file import FaceFile

TABLE = "build/clean.parquet"


def find_pictures(root: Path, ids: Iterable[str], digests: Iterable[str]) -> dict[str, bytes]:
    """PNGs by id, which names pixels: from the workspace, else from tables in DVC's cache, by their hashes.

    What no table has is left out.
    """
    wanted, found = set(ids), dict[str, bytes]()
    tables = _tables(root, digests)
    while wanted - set(found) and (path := next(tables, None)):
        if path.exists():
            file = FaceFile(path)
            names = file.frame["id"]
            rows = np.flatnonzero(names.isin(list(wanted - set(found))))
            found |= {names[row]: png for row, png in file.pngs(rows).items()}
    return found


def _tables(root: Path, digests: Iterable[str]) -> Iterator[Path]:
    yield root / TABLE
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            yield from (Path(repo.cache.local.oid_to_path(digest)) for digest in digests)
    except NotDvcRepoError:
        return
