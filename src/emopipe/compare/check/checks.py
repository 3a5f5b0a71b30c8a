"""The checks of one state, dvc.lock, data validation and export, and the report of all checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emopipe.compare.promotion_rule import Outcome
from emopipe.export.params import ExportParams
from emopipe.tracking.comparison_tables import Section
from emopipe.tracking.evidence import has_parity, worst_parity


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

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(result.outcome != "failed" for result in self.results)

    @property
    def headline(self) -> str:
        """The verdict in a line, with the checks that failed or are open."""
        failed, still_open = (
            ", ".join(result.name for result in self.results if result.outcome == outcome)
            for outcome in ("failed", "open")
        )
        if failed:
            return f"Failed: {failed}"
        return f"Passed; open: {still_open}" if still_open else "Passed"


def check_lock(stale: Mapping[str, str]) -> CheckResult:
    """Whether dvc.lock matches the workspace; `stale` are the reasons why it does not, by stage."""
    if not stale:
        return CheckResult("dvc.lock", "passed", "matches code, parameters and data")
    (first, reason), more = next(iter(stale.items())), len(stale) - 1
    rest = f", and {more} more would run again" if more else ""
    text = f"is stale: run `dvc repro`, and commit its changes ({first}: {reason}{rest})"
    return CheckResult("dvc.lock", "failed", text)


def check_data(report: Any) -> CheckResult:
    """Whether no critical expectation is broken, by reports/validate.json, if it exists."""
    name = "data validation"
    if report is None:
        return CheckResult(name, "open", "no reports/validate.json here: run `dvc repro validate`")
    broken = [each for each in report["expectations"] if not each["success"]]
    critical = [each["text"] for each in broken if each["severity"] == "critical"]
    kept = f"{report['rows_out']:,} of {report['rows_in']:,} faces kept"
    if critical:
        return CheckResult(name, "failed", f"broken: {'; '.join(critical)}; {kept}")
    warned = f"{len(broken)} broken, of severity warning: {'; '.join(each['text'] for each in broken)}"
    text = f"{len(report['expectations'])} expectations, {warned if broken else 'all hold'}; {kept}"
    return CheckResult(name, "passed", text)


def check_parity(report: Any, limits: ExportParams) -> CheckResult:
    """Whether the exported graph computes what the network computes, by reports/export.json, if it exists."""
    name = "parity of the export"
    if report is None:
        return CheckResult(name, "open", "no reports/export.json here: run `dvc repro export`")
    agreement, difference = worst_parity(report["parity"])
    text = f"{report['model']}: same class as torch on {agreement:.2%} of the faces, within {difference:.1g}"
    return CheckResult(name, "passed" if has_parity(report["parity"], limits) else "failed", text)
