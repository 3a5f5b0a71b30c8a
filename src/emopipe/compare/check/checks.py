"""The checks of one state, dvc.lock, data validation and export, and the report of all checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emopipe.compare.promotion_rule import Outcome
from emopipe.export.params import ExportParams
from emopipe.tracking.comparison_tables import Section
from emopipe.tracking.evidence import has_parity, worst_parity
from emopipe.tracking.explain import Rerun, stale


@dataclass(frozen=True)
class CheckResult:
    """One check."""

    name: str
    outcome: Outcome
    """`open`: the evidence is insufficient, which does not fail the check."""
    text: str
    """The finding, in a line."""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """All checks, and the tables behind them."""

    title: str
    results: tuple[CheckResult, ...]
    tables: tuple[Section, ...]
    """For the terminal, and the comment."""
    details: tuple[Section, ...]
    """For the comment alone."""

    num_rerun: int = 0
    """Stages that ran again, or are new."""
    on_open: Literal["pass", "fail"] = "pass"
    """Whether an open check fails, too."""

    @property
    def passed(self) -> bool:
        """Whether no check failed, and none is open that must not be."""
        outcomes = {result.outcome for result in self.results}
        return "failed" not in outcomes and (self.on_open == "pass" or "open" not in outcomes)

    @property
    def headline(self) -> str:
        """The verdict in a line, with the checks that failed or are open."""
        failed, still_open = (
            ", ".join(result.name for result in self.results if result.outcome == outcome)
            for outcome in ("failed", "open")
        )
        if failed:
            return f"Failed: {failed}"
        if still_open and not self.passed:
            return f"Failed, as promote.on_open is fail; open: {still_open}"
        return f"Passed; open: {still_open}" if still_open else "Passed"

    @property
    def reran(self) -> str:
        """How many stages ran again, in a sentence."""
        return f"{self.num_rerun} {'stage' if self.num_rerun == 1 else 'stages'} ran again."


def check_lock(stages: Mapping[str, Rerun]) -> CheckResult:
    """Whether dvc.lock matches the workspace; `stages` as from `reruns`."""
    reasons = stale(stages)
    if not reasons:
        return CheckResult("dvc.lock", "passed", "matches code, parameters and data")
    (first, reason), more = next(iter(reasons.items())), len(reasons) - 1
    rest = f", and {more} more would run again" if more else ""
    is_missing = any(each.is_missing for rerun in stages.values() for each in rerun.reasons)
    remedy = "`dvc pull` and `dvc repro`" if is_missing else "`dvc repro`"
    text = f"is stale: run {remedy}, and commit its changes ({first}: {reason}{rest})"
    return CheckResult("dvc.lock", "failed", text)


def check_data(report: Any, unmeasured: str = "") -> CheckResult:
    """Whether no critical expectation is broken, by reports/validate.json; `unmeasured` is why that says nothing."""
    name = "data validation"
    if unmeasured:
        return CheckResult(name, "open", unmeasured)
    broken = [each for each in report["expectations"] if not each["success"]]
    critical = [each["text"] for each in broken if each["severity"] == "critical"]
    kept = f"{report['rows_out']:,} of {report['rows_in']:,} faces kept"
    if critical:
        return CheckResult(name, "failed", f"broken: {'; '.join(critical)}; {kept}")
    warned = f"{len(broken)} broken, of severity warning: {'; '.join(each['text'] for each in broken)}"
    text = f"{len(report['expectations'])} expectations, {warned if broken else 'all hold'}; {kept}"
    return CheckResult(name, "passed", text)


def check_parity(report: Any, limits: ExportParams, unmeasured: str = "") -> CheckResult:
    """Whether the exported graph computes what the network computes, by reports/export.json, as in `check_data`."""
    name = "parity of the export"
    if unmeasured:
        return CheckResult(name, "open", unmeasured)
    agreement, difference = worst_parity(report["parity"])
    text = f"{report['model']}: same class as torch on {agreement:.2%} of the faces, within {difference:.1g}"
    return CheckResult(name, "passed" if has_parity(report["parity"], limits) else "failed", text)
