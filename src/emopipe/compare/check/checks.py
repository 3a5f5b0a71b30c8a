"""What a check says of one state alone: dvc.lock, the gate, and the export."""

from collections.abc import Mapping
from typing import Any

from emopipe.compare.check.report import Item
from emopipe.export.params import ExportParams
from emopipe.tracking.evidence import has_parity, worst_parity


def lock_item(stale: Mapping[str, str]) -> Item:
    """Whether dvc.lock is of what lies here; `stale` are the reasons why it is not, by stage."""
    if not stale:
        return Item("dvc.lock", "passed", "is of the code, parameters and data that are here")
    (first, reason), more = next(iter(stale.items())), len(stale) - 1
    rest = f", and {more} more would run again" if more else ""
    return Item(
        "dvc.lock", "failed", f"is stale: run `dvc repro`, and commit what it changes ({first}: {reason}{rest})"
    )


def gate_item(report: Any) -> Item:
    """Whether the data came through, by reports/validate.json; None where there is none."""
    name = "gate of validate"
    if report is None:
        return Item(name, "open", "no reports/validate.json here: run `dvc repro validate`")
    broken = [each for each in report["expectations"] if not each["success"]]
    critical = [each["text"] for each in broken if each["severity"] == "critical"]
    kept = f"{report['rows_out']:,} of {report['rows_in']:,} faces kept"
    if critical:
        return Item(name, "failed", f"broken: {'; '.join(critical)}; {kept}")
    warned = f"{len(broken)} broken, of severity warning: {'; '.join(each['text'] for each in broken)}"
    return Item(
        name, "passed", f"{len(report['expectations'])} expectations, {warned if broken else 'all hold'}; {kept}"
    )


def parity_item(report: Any, limits: ExportParams) -> Item:
    """Whether the exported graph says the same as the network, by reports/export.json; None where there is none."""
    name = "parity of the export"
    if report is None:
        return Item(name, "open", "no reports/export.json here: run `dvc repro export`")
    agreement, difference = worst_parity(report["parity"])
    text = f"{report['model']}: same answer as torch on {agreement:.2%} of the faces, within {difference:.1g}"
    return Item(name, "passed" if has_parity(report["parity"], limits) else "failed", text)
