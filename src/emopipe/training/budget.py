"""How many epochs a time budget holds, from the speed of a copy on this machine."""

import time
from collections.abc import Callable

MEASURED_SHARE = 0.02  # of the budget
LONGEST = 20.0  # seconds
FEWEST_STEPS = 3
SPARE = 0.125
"""Share of the budget that is left free: the same steps were seen to take up to an eighth longer later on."""


def epochs_within(
    minutes: float, *, step: Callable[[], object], validate: Callable[[], object], steps_per_epoch: int, most: int
) -> int:
    """At least 1, at most `most`: what is left of the budget, less `SPARE`, over the seconds of an epoch.

    `step` takes one training step, the first of which is not timed; `validate` is what follows the steps of an epoch.
    """
    start, budget = time.perf_counter(), 60 * minutes
    step()
    validate_seconds = _seconds(validate)
    seconds: list[float] = []
    while len(seconds) < FEWEST_STEPS or sum(seconds) < min(LONGEST, MEASURED_SHARE * budget):
        seconds.append(_seconds(step))
    epoch_seconds = sum(seconds) / len(seconds) * steps_per_epoch + validate_seconds
    left = (1 - SPARE) * budget - (time.perf_counter() - start)
    return max(1, min(most, int(left / epoch_seconds)))


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
