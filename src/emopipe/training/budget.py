"""Number of epochs that fit a time budget, from the speed measured on this machine."""

import time
from collections.abc import Callable

MEASURED_FRACTION = 0.02  # of the budget
MAX_MEASURED_SECONDS = 20.0
MIN_STEPS = 3
RESERVE = 0.125
"""Fraction of the budget that stays unused: later in a training, the same steps took up to an eighth longer."""


def epochs_within(
    minutes: float, *, step: Callable[[], object], validate: Callable[[], object], steps_per_epoch: int, max_epochs: int
) -> int:
    """The rest of the budget without `RESERVE`, divided by the seconds of an epoch; in 1..`max_epochs`.

    step: one training step; the first is warm-up and not timed. validate: the validation after each epoch.
    """
    start, budget = time.perf_counter(), 60 * minutes
    step()
    validate_seconds = _seconds(validate)
    seconds: list[float] = []
    while len(seconds) < MIN_STEPS or sum(seconds) < min(MAX_MEASURED_SECONDS, MEASURED_FRACTION * budget):
        seconds.append(_seconds(step))
    epoch_seconds = sum(seconds) / len(seconds) * steps_per_epoch + validate_seconds
    remaining = (1 - RESERVE) * budget - (time.perf_counter() - start)
    return max(1, min(max_epochs, int(remaining / epoch_seconds)))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
