"""What a bundle says of itself, from the reports of the stages: MODEL_CARD.md, and a part of model.json.

The card follows Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

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


def bundle_origin(ingest: Report, evaluation: Report, *, num_training_faces: int) -> dict[str, Any]:
    """Data and metrics of a model, for model.json."""
    source, test = ingest["source"], evaluation["test"]
    return {
        "data": {"files": source["files"], "drawn": source["drawn"], "num_training_faces": num_training_faces},
        "test": {name: test[name] for name in ("num_faces", "accuracy", "macro_f1", "ece")},
    }
