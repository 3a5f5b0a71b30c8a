"""What a strategy gets and gives, so that strategies need to know neither tables nor files.

Shapes: N train faces, H height, W width of a face, S side at which pictures are made, C channels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.faces.png import decode_png

LARGEST_SIDE, STEP = 64, 8
"""Pictures are made at no more than 64 pixels, in multiples of 8: small faces are what the generators can learn."""


@dataclass(frozen=True)
class TrainFaces:
    """The faces of train: their classes, str (N,), and their pictures, PNG bytes (N,); `size` is the networks' side."""

    labels: np.ndarray
    pngs: Sequence[bytes]
    size: int

    def picture(self, face: int) -> np.ndarray:
        """Uint8 (H, W, C), in its own size."""
        return decode_png(self.pngs[face])

    @property
    def side(self) -> int:
        """S, in pixels."""
        return min(self.size, LARGEST_SIDE) // STEP * STEP

    @cached_property
    def stack(self) -> np.ndarray:
        """All pictures in one size, uint8 (N, S, S, C)."""
        from emopipe.faces.resize import stack_images  # imports torch, which repeating rows does not need

        stacked: np.ndarray = stack_images([decode_png(png) for png in self.pngs], self.side).numpy()
        return stacked

    def members(self, name: str) -> np.ndarray:
        """Row numbers of the faces of a class."""
        return np.flatnonzero(self.labels == name)


@dataclass(frozen=True, kw_only=True)
class Addition:
    """One row that a strategy adds to the real ones."""

    parents: tuple[int, ...]
    """The faces it was made from, by row number."""
    label: str
    op: str
    """What was done to the parents."""
    seed: int = 0
    """Of the row's own random generator, or of that of the batch it was drawn in; 0 where nothing was drawn."""
    pixels: np.ndarray | None = None
    """uint8 (H, W, C); None where the row is its parent once more."""


@dataclass(frozen=True, kw_only=True)
class SkippedSample:
    """Rows that a strategy tried to make and did not hand out."""

    label: str
    reason: str
    num_rows: int = 1


Missing = Mapping[str, int]
"""How many rows each class lacks."""
Make = Callable[[Missing, np.random.Generator], Iterator[Addition | SkippedSample]]
"""Makes what is missing, or as much of it as can be made; is called again for what the gate drops."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a strategy makes of the train faces."""

    make: Make
    removed: Mapping[int, str] = field(default_factory=dict)
    """Faces that are left out, by row number, and why."""


Strategy = Callable[[TrainFaces, Mapping[str, int], BalanceParams, np.random.Generator], Plan]
"""faces; for each class how many rows are wanted; configuration; what all that is drawn comes from."""


def nothing(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | SkippedSample]:
    """Make no row."""
    return iter(())
