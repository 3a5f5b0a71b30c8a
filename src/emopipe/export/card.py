"""MODEL_CARD.md, rendered from the reports of the stages (Mitchell et al. 2019, "Model Cards for Model Reporting")."""

from collections.abc import Mapping
from typing import Any

from emopipe.reports.templates import render

Report = Mapping[str, Any]


def model_card(
    report: Report, export: Report, *, ingest: Report, validate: Report, balance: Report, channels: int
) -> str:
    """The card of the exported model; `report` is that of its evaluation."""
    reports = {"report": report, "export": export, "ingest": ingest, "validate": validate, "balance": balance}
    return render("export/model_card.md.j2", **reports, channels=channels) + "\n"
