"""Pictures that are nearly the same: re-encoded, brightened, shifted by a pixel or so, stamped with a mark, mirrored.

Descriptors propose pairs; the pixels of both pictures decide.
Shapes: N pictures, F features, P pairs, H height, W width, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import faiss
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emopipe.face_file import FaceFile
from emopipe.images import decode_png
from emopipe.measures import MIRROR, grey

MIN_CANDIDATE = 0.65
"""Cosine of two centred descriptors from which the pixels are compared."""
SIDE, REACH = 48, 3
"""Side at which pixels are compared, and how far one picture may be shifted against the other, in pixels."""
MIN_SIDE = 16
"""Smaller pictures, in pixels, hold too little to be compared."""
MIN_DETAIL = 1.0
"""Standard deviation of details, in grey levels, below which a picture shows nothing to compare."""
FINE, COARSE = 1.0, 4.0
"""Details between these sizes, in pixels, are compared: the coarse shading of all faces is alike."""
_FEW, _PER_CELL, _PROBES, _LEARNED_FROM = 4096, 128, 8, 40
_QUERIES, _CACHED = 4096, 8192

PictureOf = Callable[[int], np.ndarray]
"""The picture, uint8 (H, W, C), with a number."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of pictures, by their numbers.

    pairs: int64 (P, 2), the lower number first, in rising order. mirrored: bool (P,), whether the second is compared as
    its mirror image. similarity: float (P,), at most 1.
    """

    pairs: np.ndarray
    mirrored: np.ndarray
    similarity: np.ndarray

    def where(self, mask: np.ndarray) -> "Pairs":
        """Those for which `mask`, bool (P,), holds."""
        return Pairs(pairs=self.pairs[mask], mirrored=self.mirrored[mask], similarity=self.similarity[mask])


def candidates(descriptors: np.ndarray) -> Pairs:
    """Pairs whose descriptors, float32 (N, F), have a cosine of at least `MIN_CANDIDATE` about their common centre.

    Among more than a few thousand pictures only those in neighbouring cells are compared, so that a few pairs are
    missed and the time for each picture does not grow with N.
    """
    mean = descriptors.mean(axis=0) if len(descriptors) else 0
    centred = np.ascontiguousarray(descriptors - (mean + mean * MIRROR) / 2, dtype=np.float32)
    faiss.normalize_L2(centred)
    index = _index(centred)
    found = [_search(index, centred, mirrored) for mirrored in (False, True)]
    pairs, similarity = (np.concatenate(parts) for parts in zip(*found, strict=True))
    mirrored = np.repeat([False, True], [len(part[0]) for part in found])
    order = np.lexsort((mirrored, pairs[:, 1], pairs[:, 0]))
    return Pairs(pairs=pairs, mirrored=mirrored, similarity=similarity).where(order)


def confirm(proposed: Pairs, picture_of: PictureOf, min_similarity: float) -> Pairs:
    """Those of the proposed pairs whose pixels correlate by at least `min_similarity`, which becomes their similarity.

    Correlated are details, the pictures reduced to `SIDE` pixels, at the best shift of up to `REACH` pixels.
    """

    @lru_cache(maxsize=_CACHED)
    def details(number: int) -> np.ndarray:
        return _details(picture_of(number))

    def correlation(first: int, second: int, mirrored: bool) -> float:
        if min(details(first).std(), details(second).std()) < MIN_DETAIL:
            return 0.0
        other = details(second)[:, ::-1] if mirrored else details(second)
        inner = np.ascontiguousarray(other[REACH:-REACH, REACH:-REACH])
        return float(cv2.matchTemplate(details(first), inner, cv2.TM_CCOEFF_NORMED).max())

    rows = zip(*proposed.pairs.T.tolist(), proposed.mirrored.tolist(), strict=True)
    similarity = np.array([correlation(*row) for row in rows])
    compared = Pairs(pairs=proposed.pairs, mirrored=proposed.mirrored, similarity=similarity)
    return compared.where(similarity >= min_similarity)


def near_pairs(file: FaceFile, descriptors: np.ndarray, min_similarity: float) -> Pairs:
    """Pairs of row numbers whose pictures are nearly the same but not the same.

    descriptors: float32 (N, F), one for each row. Of rows with the same picture the first stands for all; pictures with
    a side below `MIN_SIDE` are left out.
    """
    large = file.frame[["width", "height"]].min(axis=1) >= MIN_SIDE
    rows = np.flatnonzero(~file.frame["id"].duplicated() & large)
    proposed = candidates(descriptors[rows])
    pngs = file.pngs(rows[np.unique(proposed.pairs)])
    near = confirm(proposed, lambda number: decode_png(pngs[int(rows[number])]), min_similarity)
    return Pairs(pairs=rows[near.pairs], mirrored=near.mirrored, similarity=near.similarity)


def tied(ids: pd.Series, near: Pairs) -> pd.Series:
    """Object (N,), the same name for rows that share a picture, or that `near` ties together, in one step or several.

    ids: (N,) of the pictures, rows numbered from 0. The name is the lowest id of those that are tied together.
    """
    links = coo_array((np.ones(len(near.pairs)), tuple(near.pairs.T)), shape=(len(ids), len(ids)))
    groups = connected_components(links, directed=False)[1]
    first = pd.Series(ids.index).groupby(ids).transform("min").to_numpy()
    return ids.groupby(groups[first]).transform("min")


def _index(centred: np.ndarray) -> Any:
    num, features = centred.shape
    cells = faiss.IndexFlatIP(features)
    if num <= _FEW:
        cells.add(centred)
        return cells
    num_cells = num // _PER_CELL
    index = faiss.IndexIVFFlat(cells, features, num_cells, faiss.METRIC_INNER_PRODUCT)
    index.nprobe, index.cp.niter = _PROBES, 5
    index.train(centred[:: max(num // (num_cells * _LEARNED_FROM), 1)])
    index.add(centred)
    return index


def _search(index: Any, centred: np.ndarray, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs, int64 (P, 2), each once, and their cosines, float (P,)."""
    found = []
    for start in range(0, len(centred), _QUERIES):
        part = centred[start : start + _QUERIES]
        limits, cosines, seconds = index.range_search(part * MIRROR if mirrored else part, MIN_CANDIDATE)
        firsts = np.repeat(np.arange(start, start + len(part)), np.diff(limits.astype(np.int64)))
        found.append(np.column_stack([np.minimum(firsts, seconds), np.maximum(firsts, seconds), cosines]))
    rows = np.concatenate([np.zeros((0, 3)), *found])
    rows = rows[rows[:, 0] < rows[:, 1]]
    _, kept = np.unique(rows[:, :2], axis=0, return_index=True)
    return rows[kept, :2].astype(np.int64), rows[kept, 2]


def _details(pixels: np.ndarray) -> np.ndarray:
    """Float32 (SIDE, SIDE)."""
    small = cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), sigma) for sigma in (FINE, COARSE))
    return fine - coarse
