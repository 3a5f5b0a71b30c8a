"""What MLflow shows of a model's report."""

from typing import Any

import pandas as pd

from emopipe.tracking.runs import ModelRun

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "nll")
PER_CLASS = ("precision", "recall", "f1")


def report_metrics(report: dict[str, Any], split: str) -> dict[str, float]:
    """The figures of one split as `test/accuracy`, and per class as `test/recall/happy`: names that sort together."""
    figures = report[split]
    overall = {f"{split}/{name}": figures[name] for name in FIGURES}
    per_class = {
        f"{split}/{figure}/{name}": values[figure]
        for name, values in figures["per_class"].items()
        for figure in PER_CLASS
    }
    return overall | per_class


def log_report(run: ModelRun, report: dict[str, Any], dataset: str) -> None:
    """Log the figures of both splits as measured on `dataset`, and the confusion matrices as JSON."""
    for split in ("val", "test"):
        run.log_metrics(report_metrics(report, split), dataset=dataset)
        confusion = {"classes": report["classes"], "rows": "truth", "confusion": report[split]["confusion"]}
        run.log_json(confusion, f"{split}_confusion.json")


def log_history(run: ModelRun, history: pd.DataFrame) -> None:
    """Log the epochs of a training that this store has not seen."""
    for row in history.to_dict("records"):
        step = int(row.pop("epoch"))
        run.log_metrics({f"epoch/{name}": value for name, value in row.items()}, step=step)
