"""The eight numbers of metrics/MODEL.json: accuracy, macro-F1, ECE and NLL on validation and test."""

from collections.abc import Mapping
from typing import Any

from emopipe.faces.table import HELD_OUT

HEADLINE = {"acc": "accuracy", "f1": "macro_f1", "ece": "ece", "nll": "nll"}
"""Name in the metrics, short for a table of `dvc exp show`, to name in the report."""


def headline_metrics(report: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The eight numbers of a report by which `dvc exp show` compares models."""
    return {split: {short: report[split][name] for short, name in HEADLINE.items()} for split in HELD_OUT}


def as_report(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The eight numbers by their names in a report, without its intervals and tables."""
    return {
        split: {HEADLINE.get(short, short): value for short, value in values.items()}
        for split, values in metrics.items()
    }
