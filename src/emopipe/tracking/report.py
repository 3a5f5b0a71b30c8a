"""What MLflow shows of a model's report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emopipe.faces.predictions import Predictions
from emopipe.faces.table import HELD_OUT
from emopipe.reports.markdown import markdown_table
from emopipe.tracking.origin import Origin
from emopipe.tracking.prediction_store import log_predictions
from emopipe.tracking.runs import ModelRun

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "classwise_ece", "nll")
WITH_INTERVAL = ("accuracy", "macro_f1")
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the stage `evaluate@MODEL` or `ensemble@NAME` left."""

    key: str
    """Of the state of that stage."""
    origin: Origin
    report: dict[str, Any]
    predictions: Predictions
    figures: Path
    """Folder of pictures."""
    data: str
    """Path of the table with the faces of validation and test, as DVC names it."""


def log_evaluation(run: ModelRun, done: Evaluation) -> None:
    """Log all of it, while the stage runs or when it is rebuilt from its outs."""
    log_report(run, done.report, done.data)
    log_predictions(run, done.predictions)
    run.log_artifacts(done.figures, "figures")
    run.log_origin(done.origin)
    run.evaluated(done.key)


def log_history(run: ModelRun, history: pd.DataFrame) -> None:
    """Log the epochs of a training that this store has not seen, and that these are all."""
    for row in history.to_dict("records"):
        step = int(row.pop("epoch"))
        run.log_metrics({f"epoch/{name}": value for name, value in row.items()}, step=step)
    run.complete()


def report_metrics(report: dict[str, Any], split: str) -> dict[str, float]:
    """The figures of one split as `test/accuracy`, and per class as `test/recall/happy`: names that sort together.

    The ends of an interval stand beside its figure: `test/accuracy_high`, `test/accuracy_low`.
    """
    figures = report[split]
    overall = {f"{split}/{name}": figures[name] for name in FIGURES}
    ends = {
        f"{split}/{name}_{end}": value
        for name in WITH_INTERVAL
        for end, value in zip(("low", "high"), figures[f"{name}_ci"], strict=True)
    }
    per_class = {
        f"{split}/{figure}/{name}": values[figure]
        for name, values in figures["per_class"].items()
        for figure in PER_CLASS
    }
    return overall | ends | per_class


def report_note(report: dict[str, Any]) -> str:
    """The figures of both splits, and those of each class on test, as tables of Markdown."""
    overall = [[figure, *(_figure(report[split], figure) for split in HELD_OUT)] for figure in FIGURES]
    per_class = [
        [name, str(values["support"]), *(f"{values[figure]:.3f}" for figure in PER_CLASS)]
        for name, values in report["test"]["per_class"].items()
    ]
    counts = [f"{split}: {report[split]['num_faces']:,} faces" for split in HELD_OUT]
    return "\n\n".join(
        [
            f"## {report['model']}",
            markdown_table(["", *counts], overall),
            "## Each class, on test",
            markdown_table(["class", "faces", *PER_CLASS], per_class),
        ]
    )


def _figure(figures: dict[str, Any], name: str) -> str:
    if name not in WITH_INTERVAL:
        return f"{figures[name]:.3f}"
    low, high = figures[f"{name}_ci"]
    return f"{figures[name]:.3f} ({low:.3f} to {high:.3f})"


def log_report(run: ModelRun, report: dict[str, Any], data: str) -> None:
    """Log the figures of both splits with the table that they were measured on, and the confusion matrices as JSON."""
    run.describe(report_note(report))
    for split in HELD_OUT:
        run.log_figures(report_metrics(report, split), data)
        confusion = {"classes": report["classes"], "rows": "truth", "confusion": report[split]["confusion"]}
        run.log_json(confusion, f"{split}_confusion.json")
