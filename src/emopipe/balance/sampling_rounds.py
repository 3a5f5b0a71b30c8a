"""Rows are asked of a strategy, judged, and asked again in place of those that were dropped."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from emopipe.balance.params import SyntheticFilterParams
from emopipe.balance.rows import Addition, Make, Missing, SkippedSample
from emopipe.balance.synthetic_filter import COPY, Gate

Losses = Counter[tuple[str, str]]
"""Rows that were made, or tried, and not kept: by class and reason."""


@dataclass(kw_only=True)
class Filled:
    """What came of it."""

    kept: list[Addition] = field(default_factory=list)
    lost: Losses = field(default_factory=Counter)
    judged: list[Addition] = field(default_factory=list)
    """All synthetic rows, kept or not."""
    failed: list[tuple[Addition, str]] = field(default_factory=list)
    """Those of them that did not pass the gate, and why."""


def fill(
    make: Make, missing: Missing, gate: Callable[[], Gate], config: SyntheticFilterParams, rng: np.random.Generator
) -> Filled:
    """Make what is missing, in at most `config.rounds`; `gate` is built where there is a synthetic picture to judge."""
    filled, left = Filled(), {name: lacking for name, lacking in missing.items() if lacking}
    for _ in range(config.rounds):
        if not left:
            break
        made = []
        for row in make(left, rng):
            if isinstance(row, SkippedSample):
                filled.lost[row.label, row.reason] += row.num_rows
            else:
                made.append(row)
        if not made:
            break
        filled.kept += [row for row in made if row.pixels is None]
        pictured = [row for row in made if row.pixels is not None]
        if pictured:
            _judge(filled, pictured, gate(), drop=config.drop)
        kept = Counter(row.label for row in filled.kept)
        left = {name: lacking - kept[name] for name, lacking in missing.items() if lacking > kept[name]}
    return filled


def _judge(filled: Filled, pictured: list[Addition], gate: Gate, *, drop: bool) -> None:
    filled.judged += pictured
    for row, reason in zip(pictured, gate.reasons(pictured), strict=True):
        if reason is not None:
            filled.failed.append((row, reason))
        if reason is None or not (drop or reason == COPY):
            filled.kept.append(row)
        else:
            filled.lost[row.label, reason] += 1
