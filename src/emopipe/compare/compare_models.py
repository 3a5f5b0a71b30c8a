"""Two models compared: the tables to print, and the files to write."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from emopipe.compare.model_ref import ModelRef
from emopipe.compare.page import comparison_page, shown_flips
from emopipe.core.params import Params
from emopipe.evaluate.comparison import changes, compare
from emopipe.faces.file import FaceFile
from emopipe.tracking.champion_comparison import CONFIDENCE
from emopipe.tracking.comparison_tables import Section, markdown, sections

TABLE_OF_FACES = "clean"
TABLE = f"build/{TABLE_OF_FACES}.parquet"


def compare_models(root: Path, a: ModelRef, b: ModelRef, params: Params) -> tuple[list[Section], dict[str, bytes]]:
    """The tables, and the page and the Markdown by file name.

    Raises `DataError` where the two were evaluated on different test faces.
    """
    resamples, seed = params.evaluate.bootstrap_resamples, params.base.seed
    comparison = compare(a, b, confidence=CONFIDENCE, resamples=resamples, seed=seed)
    parts = sections(comparison, changes(a.params, b.params), changes(a.data, b.data))
    digests = [model.data[TABLE_OF_FACES] for model in (a, b) if TABLE_OF_FACES in model.data]
    images = find_images(root, shown_flips(comparison.flips), digests)
    page = comparison_page(comparison, parts, images)
    return parts, {"index.html": page.encode(), "comparison.md": markdown(parts).encode()}


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
    from dvc.scm import SCMError

    try:
        with Repo(str(root)) as repo:
            yield from (Path(repo.cache.local.oid_to_path(digest)) for digest in digests)
    except (NotDvcRepoError, SCMError):
        return
