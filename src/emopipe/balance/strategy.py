"""Interface of the balancing strategies: train faces and class targets in, a plan of changes out.

Shapes: N train faces, H height, W width, S side of synthetic images, C channels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.faces.png import decode_png

MAX_SIDE, SIDE_STEP = 64, 8
"""S is at most 64 pixels and a multiple of 8, the stride of the autoencoder."""


@dataclass(frozen=True)
class TrainFaces:
    """Class names, str (N,), and PNG images (N,) of the train faces; `size` is the input side of the classifiers."""

    labels: np.ndarray
    pngs: Sequence[bytes]
    size: int

    @cached_property
    def images(self) -> np.ndarray:
        """All images at one size, uint8 (N, S, S, C)."""
        from emopipe.faces.resize import stack_images  # imports torch, which resampling does not need

        side = min(self.size, MAX_SIDE) // SIDE_STEP * SIDE_STEP
        images: np.ndarray = stack_images([decode_png(png) for png in self.pngs], side).numpy()
        return images

    def rows_of(self, label: str) -> np.ndarray:
        """Row numbers of a class, int64 (n,)."""
        return np.flatnonzero(self.labels == label)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A row that a strategy adds to the real ones."""

    parents: tuple[int, ...]
    """Row numbers of the source faces."""
    label: str
    op: str
    """The operation applied to the parents."""
    seed: int = 0
    """Seed of the row, or of the batch it was sampled in; 0 without one."""
    pixels: np.ndarray | None = None
    """uint8 (H, W, C); None for a repeated face."""


@dataclass(frozen=True, kw_only=True)
class SkippedSample:
    """Rows that a strategy could not generate."""

    label: str
    reason: str
    num_rows: int = 1


Samples = Iterator[Sample | SkippedSample]
Sampler = Callable[[Mapping[str, int]], Samples]
"""Generates at most the given number of rows (at least 1) of each class; called again for rows that were rejected."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a strategy adds and removes."""

    sample: Sampler = lambda num_missing: iter(())
    removed: Mapping[int, str] = field(default_factory=dict)
    """Reason by row number of a removed face."""


Strategy = Callable[[TrainFaces, Mapping[str, int], BalanceParams, np.random.Generator], Plan]
"""Arguments: faces, target number of rows by class, parameters, source of randomness."""


def sample_parents(rows: np.ndarray, num: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """`num` pairs of a row number and a seed, in random order; how often each of `rows` occurs differs by at most 1."""
    parents = np.concatenate([rng.permutation(rows) for _ in range(-(-num // len(rows)))])[:num]
    return list(zip(parents.tolist(), rng.integers(2**63 - 1, size=num).tolist(), strict=True))
