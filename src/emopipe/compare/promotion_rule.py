"""The rule by which a challenger becomes champion, and the verdict that follows from the figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from emopipe.compare.params import PromoteParams
from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference, faces_needed

Outcome = Literal["passed", "failed", "open"]
Decision = Literal["promote", "reject", "insufficient evidence"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of the rule, and what the figures say of it."""

    name: str
    outcome: Outcome
    """`open`: the figures allow either answer."""
    value: float
    bound: Literal["above", "at most", "at least"]
    """How the value must stand to the limit."""
    limit: float
    interval: tuple[float, float] | None = None
    """Of the value, where it is one of a sample."""
    faces_needed: int | None = None
    """Test faces that would probably settle an open condition; None where no number would, or none is needed."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a challenger."""

    decision: Decision
    checks: tuple[Check, ...]

    @property
    def faces_needed(self) -> int | None:
        """Test faces that would probably settle all open conditions; None where no number would, or none is open."""
        open_checks = [check.faces_needed for check in self.checks if check.outcome == "open"]
        known = [number for number in open_checks if number is not None]
        return max(known) if open_checks and len(known) == len(open_checks) else None


def evaluate_rule(figures: Comparison, params: PromoteParams, *, latency_ms: float, parity_passed: bool) -> Verdict:
    """Judge model B of `figures` as challenger of A; its latency is of one face, and parity that of its export."""
    num_faces = figures.num_faces
    return decide(
        [
            gain_check(figures.macro_f1, num_faces, params),
            *class_checks(dict(zip(figures.classes, figures.f1, strict=True)), num_faces, params),
            _no_worse("rise of the ECE", figures.ece, 1, params.max_ece_rise, num_faces, params),
            _within("latency in ms", latency_ms, params.max_latency_ms),
            _parity(passed=parity_passed),
        ]
    )


def losses(figures: Comparison, params: PromoteParams) -> Verdict:
    """Judge whether model B of `figures` has lost anything against A: what the rule asks of a challenger but a gain.

    One condition that fails decides, so the intervals should have the confidence of `for_losses`. Latency is of the
    machine, and is left out.
    """
    num_faces = figures.num_faces
    return decide(
        [
            loss_check(figures.macro_f1, num_faces, params),
            *class_checks(dict(zip(figures.classes, figures.f1, strict=True)), num_faces, params),
            _no_worse("rise of the ECE", figures.ece, 1, params.max_ece_rise, num_faces, params),
        ]
    )


def decide(checks: Sequence[Check]) -> Verdict:
    """One condition that fails rejects; else one that is open leaves it open."""
    outcomes = {check.outcome for check in checks}
    decision: Decision = (
        "reject" if "failed" in outcomes else "insufficient evidence" if "open" in outcomes else "promote"
    )
    return Verdict(decision=decision, checks=tuple(checks))


def gain_check(macro_f1: Difference, num_faces: int, params: PromoteParams) -> Check:
    """The whole interval of the gain in macro-F1 must lie above `min_gain`; it fails where all of it lies below."""
    low, high, limit = macro_f1.low, macro_f1.high, params.min_gain
    outcome: Outcome = "passed" if low > limit else "failed" if high <= limit else "open"
    needed = _needed(num_faces, macro_f1.delta - limit, macro_f1.error, params) if outcome == "open" else None
    return Check(
        name="gain in macro-F1",
        outcome=outcome,
        value=macro_f1.delta,
        bound="above",
        limit=limit,
        interval=(low, high),
        faces_needed=needed,
    )


def for_losses(params: PromoteParams, num_classes: int) -> PromoteParams:
    """The rule with the confidence that each condition of `losses` needs for all of them to have it (Bonferroni)."""
    num_conditions = num_classes + 2
    return replace(params, confidence=1 - (1 - params.confidence) / num_conditions)


def loss_check(macro_f1: Difference, num_faces: int, params: PromoteParams) -> Check:
    """A loss of macro-F1 fails where its whole interval lies above zero."""
    return _no_worse("loss of macro-F1", macro_f1, -1, 0.0, num_faces, params)


def class_checks(f1: dict[str, Difference], num_faces: int, params: PromoteParams) -> list[Check]:
    """No class may lose more than `max_class_loss` of its F1."""
    return [
        _no_worse(f"loss of F1, {name}", figure, -1, params.max_class_loss, num_faces, params)
        for name, figure in f1.items()
    ]


def _no_worse(
    name: str, figure: Difference, worse: Literal[-1, 1], limit: float, num_faces: int, params: PromoteParams
) -> Check:
    """Beyond the limit it fails where the interval shows that it is a loss at all, and is open where that may be noise.

    worse: the sign of B minus A where B is the worse one.
    """
    loss = worse * figure.delta
    low, high = sorted((worse * figure.low, worse * figure.high))
    outcome: Outcome = "passed" if loss <= limit else "failed" if low > 0 else "open"
    needed = _needed(num_faces, loss, figure.error, params) if outcome == "open" else None
    return Check(
        name=name,
        outcome=outcome,
        value=loss,
        bound="at most",
        limit=limit,
        interval=(low, high),
        faces_needed=needed,
    )


def _within(name: str, value: float, limit: float) -> Check:
    return Check(name=name, outcome="passed" if value <= limit else "failed", value=value, bound="at most", limit=limit)


def _parity(*, passed: bool) -> Check:
    return Check(
        name="parity of the export",
        outcome="passed" if passed else "failed",
        value=float(passed),
        bound="at least",
        limit=1.0,
    )


def _needed(num_faces: int, effect: float, error: float, params: PromoteParams) -> int | None:
    return faces_needed(num_faces, effect, error, confidence=params.confidence, power=params.power)
