"""Near-duplicates: re-encoded, brightened, shifted by a pixel or so, stamped or mirrored copies.

DCT descriptors propose pairs; the correlation of fine detail decides.
Shapes: N images, F features, P pairs, H height, W width, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
"""Cosine of two centred descriptors from which a pair is proposed."""
SIDE, REACH = 48, 3
"""Side at which pixels are compared, and the largest shift between two copies, in pixels."""
MIN_SIDE = 16
"""Images with a smaller side, in pixels, hold too little detail to be compared."""
MIN_DETAIL = 1.0
"""Standard deviation of the detail, in grey levels, below which an image counts as empty."""
MIDDLE = 128
FINE, COARSE = 1.0, 4.0
"""Sigmas, in pixels, of the difference of Gaussians: the coarse shading of all faces is alike."""
NEAREST = 16
"""Neighbours per image, and as many mirrored ones: else pairs could grow with the square of N."""
_MAX_EXACT, _IMAGES_PER_CELL, _PROBED_CELLS, _TRAIN_IMAGES_PER_CELL = 4096, 128, 8, 40
_CHUNK = 2**16  # images, or pairs, at once: bounds the temporary memory

DetailsOf = Callable[[int], np.ndarray]
"""From the number of an image to its `details`."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of images, by their numbers.

    pairs: int64 (P, 2), the lower number first, in ascending order. mirrored: bool (P,), whether the second image is
    compared mirrored. similarity: float (P,), at most 1.
    """

    pairs: np.ndarray
    mirrored: np.ndarray
    similarity: np.ndarray

    def where(self, mask: np.ndarray) -> "Pairs":
        """The pairs selected by `mask`, bool (P,) or indices."""
        return Pairs(pairs=self.pairs[mask], mirrored=self.mirrored[mask], similarity=self.similarity[mask])


def candidates(descriptors: np.ndarray) -> Pairs:
    """Pairs whose centred descriptors, float32 (N, F), have a cosine of at least `MIN_CANDIDATE`.

    One of a pair is among the `NEAREST` of the other. The search is exact up to a few thousand images; above, an
    inverted file index (IVF) misses a few pairs, and its time per image does not grow with N.
    """
    mean = descriptors.mean(axis=0) if len(descriptors) else 0
    centred = np.ascontiguousarray(descriptors - (mean + mean * MIRROR) / 2, dtype=np.float32)
    faiss.normalize_L2(centred)
    index = _index(centred)
    results = [_search(index, centred, mirrored) for mirrored in (False, True)]
    pairs, similarity = (np.concatenate(parts) for parts in zip(*results, strict=True))
    mirrored = np.repeat([False, True], [len(part) for part, _ in results])
    order = np.lexsort((mirrored, pairs[:, 1], pairs[:, 0]))
    return Pairs(pairs=pairs, mirrored=mirrored, similarity=similarity).where(order)


def confirm(proposed: Pairs, details_of: DetailsOf, min_similarity: float) -> Pairs:
    """The proposed pairs whose detail correlates by at least `min_similarity`, which becomes their similarity.

    Template matching at the best shift of up to `REACH` pixels; an empty image matches none.
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
    return replace(proposed, similarity=similarity).where(similarity >= min_similarity)


def details(pixels: np.ndarray) -> np.ndarray:
    """Difference of Gaussians of an image, about `MIDDLE`: uint8 (SIDE, SIDE), constant for an empty image."""
    small = cv2.resize(grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), sigma) for sigma in (FINE, COARSE))
    band = fine - coarse if (fine - coarse).std() >= MIN_DETAIL else np.zeros_like(small)
    rounded: np.ndarray = np.clip(np.rint(band) + MIDDLE, 0, 255).astype(np.uint8)
    return rounded


def near_pairs(file: FaceFile, descriptors: np.ndarray, min_similarity: float) -> Pairs:
    """Pairs of row numbers with nearly, but not exactly, the same image.

    descriptors: float32 (N, F), one per row. The first of identical images represents them all; images with a side
    below `MIN_SIDE` are skipped.
    """
    large = file.frame[["width", "height"]].min(axis=1) >= MIN_SIDE
    rows = np.flatnonzero(~file.frame["id"].duplicated() & large)
    proposed = candidates(descriptors[rows])
    compared = np.unique(proposed.pairs)
    stack = np.zeros((len(compared), SIDE, SIDE), np.uint8)
    for index, (_, png) in enumerate(file.iter_pngs(rows[compared])):
        stack[index] = details(decode_png(png))
    index_of = np.zeros(len(rows), np.int64)
    index_of[compared] = np.arange(len(compared))
    near = confirm(proposed, lambda number: stack[index_of[number]], min_similarity)
    return replace(near, pairs=rows[near.pairs])


def connected_groups(ids: pd.Series, near: Pairs) -> pd.Series:
    """Connected components of rows that share an image or are a pair of `near`: object (N,), the lowest id of each.

    ids: (N,) of the images, rows numbered from 0.
    """
    links = coo_array((np.ones(len(near.pairs)), tuple(near.pairs.T)), shape=(len(ids), len(ids)))
    groups = connected_components(links, directed=False)[1]
    first = pd.Series(ids.index).groupby(ids).transform("min").to_numpy()
    return ids.groupby(groups[first]).transform("min")


def _index(centred: np.ndarray) -> Any:
    num, features = centred.shape
    flat = faiss.IndexFlatIP(features)
    if num <= _MAX_EXACT:
        flat.add(centred)
        return flat
    num_cells = num // _IMAGES_PER_CELL
    index = faiss.IndexIVFFlat(flat, features, num_cells, faiss.METRIC_INNER_PRODUCT)
    index.nprobe, index.cp.niter = _PROBED_CELLS, 5
    index.train(centred[:: max(num // (num_cells * _TRAIN_IMAGES_PER_CELL), 1)])
    index.add(centred)
    return index


def _search(index: Any, centred: np.ndarray, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs, int64 (P, 2), each once, and their cosines, float32 (P,)."""
    num, codes, cosines = len(centred), [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, num, _CHUNK):
        part = centred[start : start + _CHUNK]
        scores, others = index.search(part * MIRROR if mirrored else part, NEAREST + 1)  # itself among them
        own = np.arange(start, start + len(part))[:, None]
        near = (scores >= MIN_CANDIDATE) & (others >= 0) & (others != own)
        codes.append((np.minimum(own, others) * num + np.maximum(own, others))[near])
        cosines.append(scores[near])
    unique, first = np.unique(np.concatenate(codes), return_index=True)
    return np.column_stack(np.divmod(unique, max(num, 1))), np.concatenate(cosines)[first]
