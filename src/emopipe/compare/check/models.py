"""Tables of the models of two states, from their predictions, or from their reports."""

from collections.abc import Mapping
from typing import Any

from emopipe.evaluate.comparison import Comparison
from emopipe.tracking.comparison_tables import Cell, Section, difference_cells, tone, tone_text

Evaluated = Mapping[str, Any]
"""The content of reports/evaluate/MODEL.json, or its part in metrics/MODEL.json."""

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "ECE"}


def paired_section(compared: Mapping[str, Comparison], base: str, note: str = "") -> Section:
    """Macro-F1 and accuracy of models, by name, that were evaluated on the same test faces in both states."""
    rows = [
        (
            Cell(name),
            Cell(label),
            *difference_cells(metric),
            Cell(tone_text(tone(metric)) if len(comparison.flips) else "same predictions", tone(metric)),
        )
        for name, comparison in compared.items()
        for label, metric in (("macro-F1", comparison.macro_f1), ("accuracy", comparison.accuracy))
    ]
    first = next(iter(compared.values()))
    return Section(
        key="models",
        title=f"Models on {first.num_faces:,} test faces",
        note=note,
        header=("model", "", base, "here", "difference", f"{first.confidence:.0%} interval", ""),
        rows=tuple(rows),
    )


def reported_section(before: Mapping[str, Evaluated], now: Mapping[str, Evaluated], base: str, note: str) -> Section:
    """Metrics on test from the reports, of the models in both; intervals are of each model alone."""
    rows = [
        (
            Cell(name),
            Cell(label),
            Cell(_with_interval(before[name]["test"], metric)),
            Cell(_with_interval(now[name]["test"], metric)),
            Cell(f"{now[name]['test'][metric] - before[name]['test'][metric]:+.3f}"),
        )
        for name in now
        if name in before
        for metric, label in METRICS.items()
        if metric in before[name]["test"] and metric in now[name]["test"]
    ]
    return Section(
        key="models",
        title="Models on test, from their reports",
        note=note,
        header=("model", "", base, "here", "difference"),
        rows=tuple(rows),
    )


def reported_confusion(before: Evaluated, now: Evaluated) -> Section | None:
    """The difference of two confusion matrices on test; None without both, for other classes or number of faces."""
    if any("classes" not in report for report in (before, now)):
        return None
    if before["classes"] != now["classes"] or before["test"]["num_faces"] != now["test"]["num_faces"]:
        return None
    pairs = zip(now["classes"], now["test"]["confusion"], before["test"]["confusion"], strict=True)
    return Section(
        key="confusion",
        title=f"Confusion matrix of {now['model']}: differences",
        note="Differences in faces, true classes in rows; without predictions their significance is unknown.",
        header=("", *now["classes"]),
        rows=tuple(
            (Cell(name), *(Cell(f"{a - b:+d}" if a != b else "0") for a, b in zip(new, old, strict=True)))
            for name, new, old in pairs
        ),
    )


def _with_interval(metrics: Mapping[str, Any], name: str) -> str:
    if f"{name}_ci" not in metrics:
        return f"{metrics[name]:.3f}"
    low, high = metrics[f"{name}_ci"]
    return f"{metrics[name]:.3f} ({low:.3f} to {high:.3f})"
