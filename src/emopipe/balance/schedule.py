"""How the learning rate of the networks that make faces rises and falls."""

import math
from collections.abc import Callable

WARM_UP = 0.1
"""Share of the steps in which the rate rises."""


def rates(steps: int) -> Callable[[int], float]:
    """From a step, counted from 0, to the share of the peak rate: up in a line, down along a cosine to nearly 0."""
    rising = max(round(WARM_UP * steps), 1)

    def rate(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return (1 + math.cos(math.pi * (step - rising + 1) / max(steps - rising + 1, 1))) / 2

    return rate
