"""The section `promote` of params.yaml: the rules of `emopipe promote` and `emopipe check`; no stage reads it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PromoteParams:
    """Conditions on a challenger, evaluated on the champion's test faces."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Of the intervals: at 0.97 an equally good challenger is promoted in fewer than 2.5 % of the cases
    (benchmarks/promotion.py)."""
    resamples: Annotated[int, Field(ge=100)]
    """Resamples of the paired bootstrap."""
    min_gain: Annotated[float, Field(ge=0, lt=1)]
    """The whole interval of the gain in macro-F1 must lie above this."""
    max_class_loss: Annotated[float, Field(ge=0, le=1)]
    """Largest loss of F1 of any class."""
    max_nll_rise: Annotated[float, Field(ge=0)]
    """Largest rise of the negative log-likelihood, in nats."""
    max_latency_ms: Annotated[float, Field(gt=0)]
    """Latency for one face on one thread, measured at registration, in milliseconds."""
    power: Annotated[float, Field(gt=0, lt=1)]
    """Probability that the reported number of test faces settles an open condition."""
    on_open: Literal["pass", "fail"] = "pass"
    """Whether `emopipe check` fails if a check remains open."""
