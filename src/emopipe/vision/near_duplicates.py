"""Pictures that are nearly the same: re-encoded, brightened, shifted by a pixel or so, stamped with a mark, mirrored.

Descriptors propose pairs; the pixels of both pictures decide.
Shapes: N pictures, F features, P pairs, H height, W width, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import faiss
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from emopipe.faces.file import FaceFile
from emopipe.faces.png import decode_png
from emopipe.vision.image_stats import MIRROR, grey

MIN_CANDIDATE = 0.65
"""Cosine of two centred descriptors from which the pixels are compared."""
SIDE, REACH = 48, 3
"""Side at which pixels are compared, and how far one picture may be shifted against the other, in pixels."""
MIN_SIDE = 16
"""Smaller pictures, in pixels, hold too little to be compared."""
MIN_DETAIL = 1.0
"""Standard deviation of details, in grey levels, below which a picture shows nothing to compare."""
MIDDLE = 128
FINE, COARSE = 1.0, 4.0
"""Details between these sizes, in pixels, are compared: the coarse shading of all faces is alike."""
NEAREST = 16
"""Of each picture, at most so many others are compared, and as many mirrored: else pairs grow with the square of N."""
_FEW, _PER_CELL, _PROBES, _LEARNED_FROM = 4096, 128, 8, 40
_CHUNK = 2**16  # pictures, or pairs, at once: what is in memory for a moment does not grow with their number

DetailsOf = Callable[[int], np.ndarray]
"""What `details` gives for the picture with a number."""


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

    One of a pair is among the `NEAREST` of the other. Among more than a few thousand pictures only those of close
    cells are compared, so that a few pairs are missed, and the time for each picture does not grow with N.
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


def confirm(proposed: Pairs, details_of: DetailsOf, min_similarity: float) -> Pairs:
    """Those of the proposed pairs whose details correlate by at least `min_similarity`, which becomes their similarity.

    They are correlated at the best shift of up to `REACH` pixels; a picture without details is like none.
    """
    empty = [number for number in np.unique(proposed.pairs).tolist() if (details_of(number) == MIDDLE).all()]
    proposed = proposed.where(~np.isin(proposed.pairs, empty).max(axis=1))

    def correlation(first: int, second: int, mirrored: bool) -> float:
        other = details_of(second)[:, ::-1] if mirrored else details_of(second)
        inner = np.ascontiguousarray(other[REACH:-REACH, REACH:-REACH])
        return float(cv2.matchTemplate(details_of(first), inner, cv2.TM_CCOEFF_NORMED).max())

    similarity = np.zeros(len(proposed.pairs))
    for start in range(0, len(similarity), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows = zip(*proposed.pairs[part].T.tolist(), proposed.mirrored[part].tolist(), strict=True)
        similarity[part] = [correlation(*row) for row in rows]
    compared = Pairs(pairs=proposed.pairs, mirrored=proposed.mirrored, similarity=similarity)
    return compared.where(similarity >= min_similarity)


def details(pixels: np.ndarray) -> np.ndarray:
    """What is compared of a picture, uint8 (SIDE, SIDE): grey levels about `MIDDLE`, that alone where it is empty."""
    small = cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), sigma) for sigma in (FINE, COARSE))
    shown = fine - coarse if (fine - coarse).std() >= MIN_DETAIL else np.zeros_like(small)
    rounded: np.ndarray = np.clip(np.rint(shown) + MIDDLE, 0, 255).astype(np.uint8)
    return rounded


def near_pairs(file: FaceFile, descriptors: np.ndarray, min_similarity: float) -> Pairs:
    """Pairs of row numbers whose pictures are nearly the same but not the same.

    descriptors: float32 (N, F), one for each row. Of rows with the same picture the first stands for all; pictures with
    a side below `MIN_SIDE` are left out.
    """
    large = file.frame[["width", "height"]].min(axis=1) >= MIN_SIDE
    rows = np.flatnonzero(~file.frame["id"].duplicated() & large)
    proposed = candidates(descriptors[rows])
    compared = np.unique(proposed.pairs)
    held = np.zeros((len(compared), SIDE, SIDE), np.uint8)
    for place, (_, png) in enumerate(file.iter_pngs(rows[compared])):
        held[place] = details(decode_png(png))
    place_of = np.zeros(len(rows), np.int64)
    place_of[compared] = np.arange(len(compared))
    near = confirm(proposed, lambda number: held[place_of[number]], min_similarity)
    return Pairs(pairs=rows[near.pairs], mirrored=near.mirrored, similarity=near.similarity)


def connected_groups(ids: pd.Series, near: Pairs) -> pd.Series:
    """Object (N,), the same name for rows that share a picture, or that `near` ties together, in one step or several.

    ids: (N,) of the pictures, rows numbered from 0. The name is the lowest id of the group.
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
    """Pairs, int64 (P, 2), each once, and their cosines, float32 (P,)."""
    num, codes, found = len(centred), [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, num, _CHUNK):
        part = centred[start : start + _CHUNK]
        cosines, others = index.search(part * MIRROR if mirrored else part, NEAREST + 1)  # itself among them
        own = np.arange(start, start + len(part))[:, None]
        near = (cosines >= MIN_CANDIDATE) & (others >= 0) & (others != own)
        codes.append((np.minimum(own, others) * num + np.maximum(own, others))[near])
        found.append(cosines[near])
    unique, kept = np.unique(np.concatenate(codes), return_index=True)
    return np.column_stack(np.divmod(unique, max(num, 1))), np.concatenate(found)[kept]
