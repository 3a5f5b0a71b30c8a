"""What MLflow shows of a model's report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emopipe.faces import HELD_OUT
from emopipe.tracking.origin import Origin
from emopipe.tracking.runs import ModelRun

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "classwise_ece", "nll")
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the stage `evaluate@MODEL` or `ensemble@NAME` left."""

    key: str
    """Of the state of that stage."""
    origin: Origin
    report: dict[str, Any]
    figures: Path
    """Folder of pictures."""
    data: str
    """Path of the table with the faces of validation and test, as DVC names it."""


def log_evaluation(run: ModelRun, done: Evaluation) -> None:
    """Log all of it, while the stage runs or when it is rebuilt from its outs."""
    log_report(run, done.report, done.data)
    run.log_artifacts(done.figures, "figures")
    run.log_origin(done.origin)
    run.evaluated(done.key)


def log_history(run: ModelRun, history: pd.DataFrame) -> None:
    """Log the epochs of a training that this store has not seen, and that these are all."""
    for row in history.to_dict("records"):
        step = int(row.pop("epoch"))
        run.log_metrics({f"epoch/{name}": value for name, value in row.items()}, step=step)
    run.complete()


def class_balance(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Faces of each class `before` and `after` balancing, from `label` and `origin` of the training set's rows."""
    parts = {"before": rows[rows["origin"] == "real"], "after": rows}
    return {when: {str(k): int(n) for k, n in part["label"].value_counts().items()} for when, part in parts.items()}


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


def report_note(report: dict[str, Any]) -> str:
    """The figures of both splits, and those of each class on test, as Markdown."""
    overall = pd.DataFrame({split: report[split] for split in HELD_OUT}).T[list(FIGURES)].astype(float)
    per_class = pd.DataFrame(report["test"]["per_class"]).T.astype({"support": int})
    tables = [table.to_string(float_format="{:.3f}".format) for table in (overall, per_class)]
    return "```\n" + "\n\n".join(tables) + "\n```"


def log_report(run: ModelRun, report: dict[str, Any], data: str) -> None:
    """Log the figures of both splits with the table that they were measured on, and the confusion matrices as JSON."""
    run.describe(report_note(report))
    for split in HELD_OUT:
        run.log_figures(report_metrics(report, split), data)
        confusion = {"classes": report["classes"], "rows": "truth", "confusion": report[split]["confusion"]}
        run.log_json(confusion, f"{split}_confusion.json")
