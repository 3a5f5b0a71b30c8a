"""Samplers of imbalanced-learn, run in a feature space, with the parents of what they make.

imbalanced-learn does not say which rows a sample lies between, and provenance needs it. A sample is
x + share * (y - x) for a row x and one of its nearest neighbours y in its class, so the pair is found again as the one
on whose segment the sample lies.

Shapes: N train faces, n of one class, M samples, F features, k neighbours.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Make, Missing, SkippedSample, TrainFaces
from emopipe.balance.spaces import DECODE_BATCH, Space, pca_space, pixel_space

NUM_NEIGHBOURS = 5
"""Of the same class, between which a row is drawn: the default of imbalanced-learn and of the papers."""
_CHUNK = 128

MakeSampler = Callable[[dict[str, int], int, int], Any]
"""From rows by class, number of neighbours k, and seed, to a sampler of imbalanced-learn."""


def build_space(faces: TrainFaces, config: BalanceParams, rng: np.random.Generator) -> Space:
    """The space that `config.space` names."""
    if config.space == "pixels":
        return pixel_space(faces)
    if config.space == "pca":
        return pca_space(faces, rng)
    from emopipe.balance.latent_space import latent_space

    return latent_space(faces, config, rng)


def interpolating(space: Space, labels: np.ndarray, name: str, make_sampler: MakeSampler) -> Make:
    """A strategy's `make`: rows drawn by the sampler in `space`, decoded; `name` stands in their `op`."""

    def make(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | SkippedSample]:
        for label, lacking in missing.items():
            if not lacking:
                continue
            seed = int(rng.integers(2**31))
            samples, parents, shares = draw(space.features, labels, label, lacking, make_sampler, seed)
            if len(samples) < lacking:
                yield SkippedSample(label=label, reason="not_drawn", num_rows=lacking - len(samples))
            for first in range(0, len(samples), DECODE_BATCH):
                part = slice(first, first + DECODE_BATCH)
                pictures = space.decode(samples[part])
                for pair, share, pixels in zip(parents[part].tolist(), shares[part], pictures, strict=True):
                    yield Addition(
                        parents=tuple(pair), label=label, op=f"{name}({share:.4f})", seed=seed, pixels=pixels
                    )

    return make


def draw(
    features: np.ndarray, labels: np.ndarray, label: str, num: int, make_sampler: MakeSampler, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most `num` samples (M, F) of a class, their parents (M, 2) by row number, and the second one's share (M,).

    features: float32 (N, F). labels: str (N,). A class of one row gives none; nor does one of which the sampler
    holds no row fit to start from.
    """
    members = np.flatnonzero(labels == label)
    neighbours = min(NUM_NEIGHBOURS, len(members) - 1)
    none = features[:0], np.zeros((0, 2), np.int64), np.zeros(0)
    if neighbours < 1:
        return none
    exact = features.astype(np.float64)
    sampler = make_sampler({label: len(members) + num}, neighbours, seed)
    try:
        drawn, _ = sampler.fit_resample(exact, labels)
    except (RuntimeError, ValueError) as error:
        if str(error).startswith(("Not any neigbours", "No samples will be generated")):  # ADASYN
            return none
        raise
    samples = drawn[len(labels) :][:num]
    pairs, shares = find_parents(samples, exact[members], neighbours)
    return samples.astype(np.float32), members[pairs], shares


def find_parents(samples: np.ndarray, members: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of the samples (M, F) the pair of rows of `members` (n, F), int64 (M, 2), and the share of the second.

    The pair is a row and one of its `neighbours` nearest others, by the same search that imbalanced-learn makes.
    """
    search = NearestNeighbors(n_neighbors=neighbours + 1).fit(members)
    nearest = search.kneighbors(members, return_distance=False)[:, 1:]  # (n, k)
    firsts, seconds = np.repeat(np.arange(len(members)), neighbours), nearest.ravel()  # (n * k,)
    squares = (members**2).sum(1)
    steps = members[seconds] - members[firsts]
    lengths = np.maximum((steps**2).sum(1), np.finfo(np.float64).tiny)
    offsets = (members[firsts] * steps).sum(1)
    pairs, shares = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for start in range(0, len(samples), _CHUNK):
        part = samples[start : start + _CHUNK]
        products = part @ members.T  # (m, n)
        share = ((products[:, seconds] - products[:, firsts] - offsets) / lengths).clip(0, 1)  # (m, n * k)
        along = (part**2).sum(1)[:, None] - 2 * products[:, firsts] + squares[firsts]
        away = along + share * (share * lengths - 2 * (products[:, seconds] - products[:, firsts] - offsets))
        best = away.argmin(axis=1)
        pairs.append(np.column_stack([firsts[best], seconds[best]]))
        shares.append(share[np.arange(len(part)), best])
    return np.concatenate(pairs), np.concatenate(shares)
