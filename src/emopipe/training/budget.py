"""How many epochs a time budget holds, from the speed of a copy on this machine."""

import time
from collections.abc import Callable

MEASURED_SHARE = 0.02  # of the budget
LONGEST = 20.0  # seconds
FEWEST_STEPS = 3
EPOCH_OVERHEAD = 1.05  # an epoch is longer than its steps: validation, keeping the best weights


def epochs_within(minutes: float, step: Callable[[], object], steps_per_epoch: int, most: int) -> int:
    """At least 1, at most `most`; `step` takes one training step, the first of which is not timed."""
    budget = 60 * minutes
    step()
    start, count = time.perf_counter(), 0
    while count < FEWEST_STEPS or time.perf_counter() - start < min(LONGEST, MEASURED_SHARE * budget):
        step()
        count += 1
    epoch_seconds = (time.perf_counter() - start) / count * steps_per_epoch * EPOCH_OVERHEAD
    return max(1, min(most, int(budget / epoch_seconds)))
