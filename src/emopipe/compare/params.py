"""The section `promote` of params.yaml: the rule by which a challenger becomes champion; no stage reads it."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PromoteParams:
    """What a challenger must show on the champion's test faces to take its place."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Of the intervals: at 0.97 one of two equally good models is promoted in fewer than 2.5 % of the cases
    (benchmarks/promotion.py)."""
    resamples: Annotated[int, Field(ge=100)]
    """Resamples of the paired bootstrap."""
    min_gain: Annotated[float, Field(ge=0, lt=1)]
    """The whole interval of the gain in macro-F1 must lie above this."""
    max_class_loss: Annotated[float, Field(ge=0, le=1)]
    """F1 that no class may lose."""
    max_ece_rise: Annotated[float, Field(ge=0, le=1)]
    """By how much the expected calibration error may rise."""
    max_latency_ms: Annotated[float, Field(gt=0)]
    """One face on one thread of the machine that registered it, in milliseconds."""
    power: Annotated[float, Field(gt=0, lt=1)]
    """Probability with which the number of test faces named would settle what is open."""
