"""The models of two states, by their predictions where both are at hand, else by the reports that git keeps."""

from collections.abc import Mapping, Sequence
from typing import Any

from emopipe.evaluate.comparison import Comparison
from emopipe.tracking.comparison_tables import Cell, Section, interval, tone

Evaluated = Mapping[str, Any]
"""What is in reports/evaluate/MODEL.json."""

SAYS = {"better": "better", "worse": "worse", "noise": "within noise"}
FIGURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "ECE"}


def paired_section(compared: Sequence[Comparison], names: Sequence[str], base: str) -> Section:
    """Macro-F1 and accuracy of models that were measured on the same test faces in both states."""
    rows = [
        (
            Cell(name),
            Cell(label),
            Cell(f"{figure.a:.3f}"),
            Cell(f"{figure.b:.3f}"),
            Cell(f"{figure.delta:+.3f}", tone(figure)),
            Cell(interval(figure)),
            Cell(SAYS[tone(figure)] if len(figures.flips) else "the same answers", tone(figure)),
        )
        for name, figures in zip(names, compared, strict=True)
        for label, figure in (("macro-F1", figures.macro_f1), ("accuracy", figures.accuracy))
    ]
    confidence = f"{compared[0].confidence:.0%} interval"
    return Section(
        key="models",
        title=f"Models on {compared[0].num_faces:,} test faces",
        note="",
        header=("model", "", base, "here", "difference", confidence, ""),
        rows=tuple(rows),
    )


def reported_section(before: Mapping[str, Evaluated], now: Mapping[str, Evaluated], base: str, note: str) -> Section:
    """Figures of test from the reports, of models that are in both; each model by itself, so with its own interval."""
    rows = [
        (
            Cell(name),
            Cell(label),
            Cell(_with_interval(before[name]["test"], figure)),
            Cell(_with_interval(now[name]["test"], figure)),
            Cell(f"{now[name]['test'][figure] - before[name]['test'][figure]:+.3f}"),
        )
        for name in now
        if name in before
        for figure, label in FIGURES.items()
    ]
    return Section(
        key="models",
        title="Models on test, by their reports",
        note=note,
        header=("model", "", base, "here", "difference"),
        rows=tuple(rows),
    )


def reported_confusion(before: Evaluated, now: Evaluated) -> Section | None:
    """The difference of two confusion matrices on test; None where they are of other classes, or other numbers."""
    if before["classes"] != now["classes"] or before["test"]["num_faces"] != now["test"]["num_faces"]:
        return None
    pairs = zip(now["classes"], now["test"]["confusion"], before["test"]["confusion"], strict=True)
    return Section(
        key="confusion",
        title=f"Confusion matrix of {now['model']}: what changed",
        note="Faces more or fewer, the truth in rows; without the predictions, what is noise cannot be told.",
        header=("", *now["classes"]),
        rows=tuple(
            (Cell(name), *(Cell(f"{a - b:+d}" if a != b else "0") for a, b in zip(here, there, strict=True)))
            for name, here, there in pairs
        ),
    )


def _with_interval(figures: Mapping[str, Any], name: str) -> str:
    if f"{name}_ci" not in figures:
        return f"{figures[name]:.3f}"
    low, high = figures[f"{name}_ci"]
    return f"{figures[name]:.3f} ({low:.3f} to {high:.3f})"
