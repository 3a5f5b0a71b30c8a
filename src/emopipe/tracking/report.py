"""What MLflow shows of a model's evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from emopipe.faces.predictions import Predictions
from emopipe.faces.table import HELD_OUT
from emopipe.reports.markdown import markdown_table
from emopipe.tracking.naming import EVALUATION_TAG, NOTE_TAG
from emopipe.tracking.origin import Origin
from emopipe.tracking.prediction_store import log_predictions
from emopipe.tracking.runs import ModelRun

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "classwise_ece", "nll")
WITH_INTERVAL = ("accuracy", "macro_f1")
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The outs of the stage `evaluate@MODEL` or `ensemble@NAME`."""

    key: str
    """Key of the state of that stage."""
    origin: Origin
    report: dict[str, Any]
    predictions: Predictions
    figures: Path
    """Folder of images."""
    data: str
    """Path of the table of faces, as in dvc.yaml."""


def log_evaluation(run: ModelRun, evaluation: Evaluation) -> None:
    """Log an evaluation, live or rebuilt from its outs."""
    log_report(run, evaluation.report, evaluation.data)
    log_predictions(run, evaluation.predictions)
    run.log_artifacts(evaluation.figures, "figures")
    run.log_origin(evaluation.origin)
    run.set_tag(EVALUATION_TAG, evaluation.key)


def log_history(run: ModelRun, history: pd.DataFrame) -> None:
    """Log all epochs of a training."""
    for row in history.to_dict("records"):
        step = int(row.pop("epoch"))
        run.log_metrics({f"epoch/{name}": value for name, value in row.items()}, step=step)
    run.complete()


def log_report(run: ModelRun, report: dict[str, Any], data: str) -> None:
    """Log the metrics of validation and test on the table `data`, and the confusion matrices as JSON."""
    run.set_tag(NOTE_TAG, report_note(report))
    for split in HELD_OUT:
        run.log_model_metrics(report_metrics(report, split), data)
        confusion = {"classes": report["classes"], "rows": "truth", "confusion": report[split]["confusion"]}
        run.log_json(confusion, f"{split}_confusion.json")


def report_metrics(report: dict[str, Any], split: str) -> dict[str, float]:
    """The metrics of one split: `test/accuracy`, its interval `test/accuracy_low` and `_high`, `test/recall/happy`."""
    metrics = report[split]
    overall = {f"{split}/{name}": metrics[name] for name in METRICS}
    ends = {
        f"{split}/{name}_{end}": value
        for name in WITH_INTERVAL
        for end, value in zip(("low", "high"), metrics[f"{name}_ci"], strict=True)
    }
    per_class = {
        f"{split}/{metric}/{name}": values[metric]
        for name, values in metrics["per_class"].items()
        for metric in PER_CLASS
    }
    return overall | ends | per_class


def report_note(report: dict[str, Any]) -> str:
    """The metrics of validation and test, and those of each class on test, as tables in Markdown.

    Reports of earlier releases have no comparison with chance.
    """
    overall = [[metric, *(_with_interval(report[split], metric) for split in HELD_OUT)] for metric in METRICS]
    if all("majority_class" in report[split] for split in HELD_OUT):
        majority = [f"{report[split]['majority_class']['accuracy']:.3f}" for split in HELD_OUT]
        overall.append(["accuracy of the majority class", *majority])
        overall.append(
            ["better than chance", *("yes" if report[split]["better_than_chance"] else "**no**" for split in HELD_OUT)]
        )
    per_class = [
        [name, str(values["support"]), *(f"{values[metric]:.3f}" for metric in PER_CLASS)]
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


def _with_interval(metrics: dict[str, Any], name: str) -> str:
    if name not in WITH_INTERVAL:
        return f"{metrics[name]:.3f}"
    low, high = metrics[f"{name}_ci"]
    return f"{metrics[name]:.3f} ({low:.3f} to {high:.3f})"
