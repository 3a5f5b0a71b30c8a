"""What a run of the pipeline gave: a table for the terminal, or Markdown for a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from emopipe.faces.table import HELD_OUT
from emopipe.reports.markdown import markdown_table

Report = Mapping[str, Any]

FIGURES = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "macro_f1": "macro-F1", "ece": "ECE"}


def summary_text(reports: Sequence[Report], export: Report, register: Report, validate: Report) -> RenderableType:
    """A row per model, best on validation first, and what to look at next; fits into 80 columns."""
    table = Table(title="Models, best on validation first", title_justify="left", title_style="")
    table.add_column("\nmodel", overflow="fold")
    for name in FIGURES.values():
        table.add_column(f"{name:^11}\n  val  test", no_wrap=True)
    for report in _ranked(reports, export):
        cells = [f"{report['val'][figure]:.3f} {report['test'][figure]:.3f}" for figure in FIGURES]
        table.add_row(report["model"], *cells, style="bold" if report["model"] == export["model"] else "")
    facts = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    for name, value in _facts(export, register, validate):
        facts.add_row(Text(name), Text(value))
    return Group(table, _outcome(export), facts)


def summary_markdown(reports: Sequence[Report], export: Report, register: Report, validate: Report) -> str:
    """The table, the outcome, and the confusion matrix of the exported model on test."""
    names = [f"{split} {name}" for split in HELD_OUT for name in FIGURES.values()]
    rows = [
        [report["model"], *(f"{report[split][figure]:.3f}" for split in HELD_OUT for figure in FIGURES)]
        for report in _ranked(reports, export)
    ]
    chosen = next(report for report in reports if report["model"] == export["model"])
    counts = zip(chosen["classes"], chosen["test"]["confusion"], strict=True)
    parts = [
        "## Models, best on validation first",
        markdown_table(["model", *names], rows),
        _outcome(export),
        "\n".join(f"- {name}: {value}" for name, value in _facts(export, register, validate)),
        f"## Confusion matrix of {chosen['model']} on test (rows: truth)",
        markdown_table(["", *chosen["classes"]], [[f"**{name}**", *map(str, row)] for name, row in counts]),
    ]
    return "\n\n".join(parts)


def _ranked(reports: Sequence[Report], export: Report) -> list[Report]:
    return sorted(reports, key=lambda report: -report["val"][export["select_by"]])


def _outcome(export: Report) -> str:
    figure = FIGURES[export["select_by"]]
    return f"{export['model']} is in exports/: the best single model by {figure} on validation"


def _facts(export: Report, register: Report, validate: Report) -> list[tuple[str, str]]:
    """What became of the exported model, where to look next, and which expectations of the data do not hold."""
    broken = [item for item in validate["expectations"] if not item["success"]]
    int8 = export["parity"]["int8"]
    kept = "kept" if int8["kept"] else "left out"
    against = f"{int8['agreement']:.1%} as torch on validation, macro-F1 {-int8['macro_f1_loss']:+.3f}"
    return [
        ("int8", f"{kept}: {against}"),
        ("registered", f"{register['registered_model']} in MLflow; `make ui` compares the runs"),
        ("reports", "reports/evaluate/"),
        ("pictures", "reports/figures/"),
        ("data", f"{validate['rows_out']:,} of {validate['rows_in']:,} faces kept; reports/validation/index.html"),
        *(
            ("warning", f"{item['text']}: broken by {item['num_unexpected']} of {item['num_rows']} rows")
            for item in broken
        ),
    ]
