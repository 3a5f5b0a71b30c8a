"""What a strategy gets and gives, so that strategies need to know neither tables nor files."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from emopipe.params import BalanceParams


@dataclass(frozen=True, kw_only=True)
class Addition:
    """One row that a strategy adds to the real ones."""

    parents: tuple[int, ...]
    """The faces it was made from: indices into `labels`."""
    label: str
    op: str
    """What was done to the parents."""
    seed: int = 0
    """Of the row's own random generator; 0 where nothing was drawn."""
    pixels: np.ndarray | None = None
    """uint8 (H, W, C); None where the row is its parent once more."""


Strategy = Callable[
    [np.ndarray, Callable[[int], np.ndarray], BalanceParams, np.random.Generator],
    Iterator[Addition],
]
"""labels: str (N,), the train faces' classes. pixels: the picture of face i as uint8 (H, W, C). Yields what to add."""


def num_missing(labels: np.ndarray, target_ratio: float) -> dict[str, int]:
    """How many rows each class lacks: each is raised to `target_ratio` of the largest, rounded up; none is lowered."""
    sizes = Counter(labels.tolist())
    target = math.ceil(target_ratio * max(sizes.values(), default=0) - 1e-9)  # 0.07 * 100 is a little over 7
    return {name: max(target - size, 0) for name, size in sorted(sizes.items())}
