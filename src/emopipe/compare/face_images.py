"""Images of faces by their ids, from the tables of faces in the workspace and in DVC's cache."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emopipe.faces.file import FaceFile

TABLE = "build/clean.parquet"


def find_images(root: Path, ids: Iterable[str], digests: Iterable[str]) -> dict[str, bytes]:
    """PNGs by id, of the faces that a table has: the workspace's, else those in DVC's cache with these hashes."""
    wanted, images = set(ids), dict[str, bytes]()
    tables = _tables(root, digests)
    while wanted - set(images) and (path := next(tables, None)):
        if path.exists():
            file = FaceFile(path)
            names = file.frame["id"]
            rows = np.flatnonzero(names.isin(list(wanted - set(images))))
            images |= {names[row]: png for row, png in file.pngs(rows).items()}
    return images


def _tables(root: Path, digests: Iterable[str]) -> Iterator[Path]:
    yield root / TABLE
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            yield from (Path(repo.cache.local.oid_to_path(digest)) for digest in digests)
    except NotDvcRepoError:
        return
