"""Tables of the models of two states, from their predictions, or from the reports in git."""

from collections.abc import Mapping, Sequence
from typing import Any

from emopipe.evaluate.comparison import Comparison
from emopipe.tracking.comparison_tables import Cell, Section, difference_cells, tone, tone_text

Evaluated = Mapping[str, Any]
"""The content of reports/evaluate/MODEL.json."""

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "ECE"}


def paired_section(compared: Sequence[Comparison], names: Sequence[str], base: str) -> Section:
    """Macro-F1 and accuracy of models that were evaluated on the same test faces in both states."""
    rows = [
        (
            Cell(name),
            Cell(label),
            *difference_cells(metric),
            Cell(tone_text(tone(metric)) if len(comparison.flips) else "same predictions", tone(metric)),
        )
        for name, comparison in zip(names, compared, strict=True)
        for label, metric in (("macro-F1", comparison.macro_f1), ("accuracy", comparison.accuracy))
    ]
    return Section(
        key="models",
        title=f"Models on {compared[0].num_faces:,} test faces",
        header=("model", "", base, "here", "difference", f"{compared[0].confidence:.0%} interval", ""),
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
    ]
    return Section(
        key="models",
        title="Models on test, from their reports",
        note=note,
        header=("model", "", base, "here", "difference"),
        rows=tuple(rows),
    )


def reported_confusion(before: Evaluated, now: Evaluated) -> Section | None:
    """The difference of two confusion matrices on test; None for other classes, or another number of faces."""
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
