"""Rows are asked of a strategy, judged, and asked again in place of those that were dropped."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from emopipe.balance.gate import Gate
from emopipe.balance.rows import Addition, Make, Missing, Refusal

Losses = Counter[tuple[str, str]]
"""Rows that were made, or tried, and not kept: by class and reason."""


@dataclass(kw_only=True)
class Filled:
    """What came of it."""

    kept: list[Addition] = field(default_factory=list)
    lost: Losses = field(default_factory=Counter)
    dropped: list[tuple[Addition, str]] = field(default_factory=list)
    """What the gate dropped, and why."""


def fill(make: Make, missing: Missing, gate: Callable[[], Gate], rounds: int, rng: np.random.Generator) -> Filled:
    """Make what is missing in at most so many `rounds`; `gate` is built where there is a synthetic picture to judge."""
    filled, left = Filled(), {name: lacking for name, lacking in missing.items() if lacking}
    for _ in range(rounds):
        if not left:
            break
        made = []
        for row in make(left, rng):
            if isinstance(row, Refusal):
                filled.lost[row.label, row.reason] += row.num_rows
            else:
                made.append(row)
        _judge(filled, made, gate)
        if not made:
            break
        kept = Counter(row.label for row in filled.kept)
        left = {name: lacking - kept[name] for name, lacking in missing.items() if lacking > kept[name]}
    return filled


def _judge(filled: Filled, made: list[Addition], gate: Callable[[], Gate]) -> None:
    pictured = [row for row in made if row.pixels is not None]
    filled.kept += [row for row in made if row.pixels is None]
    if not pictured:
        return
    for row, reason in zip(pictured, gate().reasons(pictured), strict=True):
        if reason is None:
            filled.kept.append(row)
        else:
            filled.lost[row.label, reason] += 1
            filled.dropped.append((row, reason))
