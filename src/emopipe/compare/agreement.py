"""Agreement of a reproduction with the original: bitwise, within a tolerance, or statistically."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from emopipe.faces.predictions import Predictions

Verdict = Literal["bitwise equal", "within tolerance", "statistically equal", "different"]
Outs = Mapping[str, Mapping[str, str]]
"""By stage, in the order of the pipeline: path to hash."""

SIGNIFICANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A verdict and its reasons."""

    verdict: Verdict
    stage: str = ""
    """The first stage with different outs."""
    paths: tuple[str, ...] = ()
    """Its outs that differ."""
    reason: str = ""
    """How the predictions differ."""

    def lines(self) -> list[str]:
        """Lines to print."""
        where = [f"the first stage that differs is {self.stage}: {', '.join(self.paths)}"] if self.stage else []
        return [f"verdict: {self.verdict}", *where, *([self.reason] if self.reason else [])]


def first_difference(before: Outs, after: Outs) -> tuple[str, tuple[str, ...]]:
    """The first stage of `before` with different outs in `after`, and these outs; empty if all are equal."""
    for stage, outs in before.items():
        made = after.get(stage, {})
        paths = tuple(path for path, value in outs.items() if made.get(path) != value)
        if paths:
            return stage, paths
    return "", ()


def compare_predictions(before: Predictions, after: Predictions, tolerance: float) -> tuple[Verdict, str]:
    """Verdict on predictions whose bytes may differ, and its reason.

    Within tolerance: equal classes, and no probability differs by more than `tolerance`. Statistically equal: McNemar's
    exact test on test is not significant at 5 %.
    """
    if before.classes != after.classes or list(before.frame["id"]) != list(after.frame["id"]):
        return "different", "the predictions are of other faces or classes"
    gap = float(np.abs(before.probabilities - after.probabilities).max())
    flipped = before.probabilities.argmax(1) != after.probabilities.argmax(1)
    text = f"probabilities differ by {gap:.2g} at most, {int(flipped.sum())} of {len(flipped)} faces get another class"
    if gap <= tolerance and not flipped.any():
        return "within tolerance", text
    first, second = (
        part.probabilities.argmax(1) == part.labels for part in (before.split("test"), after.split("test"))
    )
    num_lost, num_won = int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(num_lost, num_lost + num_won).pvalue) if num_lost + num_won else 1.0
    reason = f"{text}; on test {num_lost} faces are lost and {num_won} won of {len(first)} (McNemar: p = {p:.3f})"
    return ("statistically equal" if p >= SIGNIFICANCE else "different"), reason
