"""What a run of the pipeline gave: a table for the terminal, or Markdown for a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

Report = Mapping[str, Any]

FIGURES = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "macro_f1": "macro-F1", "ece": "ECE"}
SPLITS = ("val", "test")


def summary_text(reports: Sequence[Report], export: Report, register: Report) -> RenderableType:
    """A row per model, best on validation first, and what to look at next."""
    table = Table(title="Models, best on validation first", title_justify="left")
    table.add_column("model")
    for split in SPLITS:
        for name in FIGURES.values():
            table.add_column(f"{split}\n{name}", justify="right")
    for report in _ranked(reports, export):
        style = "bold" if report["model"] == export["model"] else ""
        table.add_row(report["model"], *_cells(report), style=style)
    lines = [
        _outcome(export, register),
        "Reports: reports/evaluate/   pictures: reports/figures/   data: reports/validation/index.html",
        "Compare runs in MLflow: make ui",
    ]
    return Group(table, *lines)


def summary_markdown(reports: Sequence[Report], export: Report, register: Report) -> str:
    """The table, the outcome, and the confusion matrix of the exported model on test."""
    names = [f"{split} {name}" for split in SPLITS for name in FIGURES.values()]
    rows = [[report["model"], *_cells(report)] for report in _ranked(reports, export)]
    chosen = next(report for report in reports if report["model"] == export["model"])
    classes = chosen["classes"]
    confusion = [
        [f"**{name}**", *map(str, counts)] for name, counts in zip(classes, chosen["test"]["confusion"], strict=True)
    ]
    parts = [
        "## Models",
        _markdown_table(["model", *names], rows),
        _outcome(export, register),
        f"## Confusion matrix of {chosen['model']} on test (rows: truth)",
        _markdown_table(["", *classes], confusion),
    ]
    return "\n\n".join(parts)


def _ranked(reports: Sequence[Report], export: Report) -> list[Report]:
    return sorted(reports, key=lambda report: -report["val"][export["select_by"]])


def _cells(report: Report) -> list[str]:
    return [f"{report[split][name]:.3f}" for split in SPLITS for name in FIGURES]


def _outcome(export: Report, register: Report) -> str:
    int8 = export["parity"]["int8"]
    return (
        f"{export['model']} has the best {FIGURES[export['select_by']]} on validation: exported to exports/, and "
        f"registered in MLflow as {register['registered_model']}. int8 is {'kept' if int8['kept'] else 'left out'}: "
        f"same answer as torch on {int8['agreement']:.1%} of the validation faces."
    )


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
