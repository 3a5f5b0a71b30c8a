"""Strategy `none`: the training set is the train faces."""

from collections.abc import Callable, Iterator

import numpy as np

from emopipe.balance.addition import Addition
from emopipe.params import BalanceParams


def none(
    labels: np.ndarray, pixels: Callable[[int], np.ndarray], config: BalanceParams, rng: np.random.Generator
) -> Iterator[Addition]:
    """Add nothing."""
    return iter(())
