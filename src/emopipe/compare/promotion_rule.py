"""The rule by which a challenger becomes champion, and the verdict on a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from emopipe.compare.params import PromoteParams
from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference, faces_needed

Outcome = Literal["passed", "failed", "open"]
Decision = Literal["promote", "reject", "insufficient evidence"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of the rule, and its outcome."""

    name: str
    outcome: Outcome
    """`open`: the evidence is insufficient."""
    value: float
    bound: Literal["above", "at most", "at least"]
    """Required relation of the value to the limit."""
    limit: float
    interval: tuple[float, float] | None = None
    """Confidence interval of the value, if it is estimated from a sample."""
    faces_needed: int | None = None
    """Test faces that would probably settle an open condition; None where no number would, or none is needed."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision on a challenger, and its reasons."""

    decision: Decision
    checks: tuple[Check, ...]

    @property
    def faces_needed(self) -> int | None:
        """Test faces that would probably settle all open conditions; None where no number would, or none is open."""
        needed = [check.faces_needed for check in self.checks if check.outcome == "open"]
        known = [number for number in needed if number is not None]
        return max(known) if needed and len(known) == len(needed) else None


def evaluate_rule(
    comparison: Comparison, params: PromoteParams, *, latency_ms: float, parity_passed: bool, better_than_chance: bool
) -> Verdict:
    """The verdict on model B as challenger of A.

    Given B's latency for one face, the parity of its export, and whether it is better than chance on validation.
    """
    gain = gain_check(comparison.macro_f1, comparison.num_faces, params)
    fast = latency_ms <= params.max_latency_ms
    latency = _exact("latency in ms", latency_ms, "at most", params.max_latency_ms, passed=fast)
    parity = _exact("parity of the export", float(parity_passed), "at least", 1.0, passed=parity_passed)
    chance = _exact("better than chance", float(better_than_chance), "at least", 1.0, passed=better_than_chance)
    return decide([gain, *_no_loss(comparison, params), latency, parity, chance])


def evaluate_losses(comparison: Comparison, params: PromoteParams) -> Verdict:
    """The verdict on whether model B is worse than A: the conditions of the rule, without a gain and the latency.

    One failed condition rejects, so the intervals should have the confidence of `loss_params`.
    """
    macro_f1 = loss_check(comparison.macro_f1, comparison.num_faces, params)
    return decide([macro_f1, *_no_loss(comparison, params)])


def decide(checks: Sequence[Check]) -> Verdict:
    """A failed condition rejects; otherwise an open one leaves the evidence insufficient."""
    outcomes = {check.outcome for check in checks}
    decision: Decision = (
        "reject" if "failed" in outcomes else "insufficient evidence" if "open" in outcomes else "promote"
    )
    return Verdict(decision=decision, checks=tuple(checks))


def loss_params(params: PromoteParams, num_classes: int) -> PromoteParams:
    """The rule with intervals for `evaluate_losses` that hold together at its confidence (Bonferroni)."""
    num_conditions = num_classes + 2
    return replace(params, confidence=1 - (1 - params.confidence) / num_conditions)


def gain_check(macro_f1: Difference, num_faces: int, params: PromoteParams) -> Check:
    """The whole interval of the gain in macro-F1 must lie above `min_gain`; it fails if all of it lies below."""
    limit = params.min_gain
    outcome: Outcome = "passed" if macro_f1.low > limit else "failed" if macro_f1.high <= limit else "open"
    return Check(
        name="gain in macro-F1",
        outcome=outcome,
        value=macro_f1.delta,
        bound="above",
        limit=limit,
        interval=(macro_f1.low, macro_f1.high),
        faces_needed=_needed(outcome, num_faces, macro_f1.delta - limit, macro_f1.error, params),
    )


def loss_check(macro_f1: Difference, num_faces: int, params: PromoteParams) -> Check:
    """A change in macro-F1 fails if its whole interval lies below zero."""
    return _no_worse("change in macro-F1", macro_f1, -1, 0.0, num_faces, params)


def class_checks(f1: Mapping[str, Difference], num_faces: int, params: PromoteParams) -> list[Check]:
    """No class may lose more than `max_class_loss` of its F1."""
    return [
        _no_worse(f"change in F1 of {name}", metric, -1, params.max_class_loss, num_faces, params)
        for name, metric in f1.items()
    ]


def _no_loss(comparison: Comparison, params: PromoteParams) -> list[Check]:
    num_faces, f1 = comparison.num_faces, dict(zip(comparison.classes, comparison.f1, strict=True))
    nll = _no_worse("change in NLL", comparison.nll, 1, params.max_nll_rise, num_faces, params)
    return [*class_checks(f1, num_faces, params), nll]


def _no_worse(
    name: str, metric: Difference, worse: Literal[-1, 1], limit: float, num_faces: int, params: PromoteParams
) -> Check:
    """A loss above the limit fails if it is significant, and is open otherwise.

    worse: the sign of B minus A if B is worse.
    """
    loss, least = worse * metric.delta, min(worse * metric.low, worse * metric.high)
    outcome: Outcome = "passed" if loss <= limit else "failed" if least > 0 else "open"
    return Check(
        name=name,
        outcome=outcome,
        value=metric.delta,
        bound="at most" if worse > 0 else "at least",
        limit=worse * limit + 0.0,
        interval=(metric.low, metric.high),
        faces_needed=_needed(outcome, num_faces, loss, metric.error, params),
    )


def _exact(name: str, value: float, bound: Literal["at most", "at least"], limit: float, *, passed: bool) -> Check:
    return Check(name=name, outcome="passed" if passed else "failed", value=value, bound=bound, limit=limit)


def _needed(outcome: Outcome, num_faces: int, effect: float, error: float, params: PromoteParams) -> int | None:
    if outcome != "open":
        return None
    return faces_needed(num_faces, effect, error, confidence=params.confidence, power=params.power)
