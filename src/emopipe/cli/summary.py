"""The results of a pipeline run: a table for the terminal, or Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from emopipe.faces.table import HELD_OUT
from emopipe.reports.markdown import markdown_table

Report = Mapping[str, Any]

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "macro_f1": "macro-F1", "ece": "ECE"}
MAJORITY = "majority class"


def summary_text(reports: Sequence[Report], export: Report, register: Report, validate: Report) -> RenderableType:
    """A row per model, best on validation first, the majority class, and where the outputs are; at most 80 columns."""
    table = Table(title="Models, best on validation first", title_justify="left", title_style="")
    table.add_column("\nmodel", overflow="fold")
    for name in METRICS.values():
        table.add_column(f"{name:^11}\n  val  test", no_wrap=True)
    for report in _ranked(reports, export):
        cells = [f"{report['val'][metric]:.3f} {report['test'][metric]:.3f}" for metric in METRICS]
        table.add_row(report["model"], *cells, style="bold" if report["model"] == export["model"] else "")
    if majority := _majority(reports[0]):
        table.add_row(MAJORITY, *(f"{val} {test}" for val, test in majority), style="dim")
    details = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    for name, value in _details(reports, export, register, validate):
        details.add_row(Text(name), Text(value))
    return Group(table, _exported(export), details)


def summary_markdown(reports: Sequence[Report], export: Report, register: Report, validate: Report) -> str:
    """The same, with the confusion matrix of the exported model on test."""
    names = [f"{split} {name}" for split in HELD_OUT for name in METRICS.values()]
    rows = [
        [report["model"], *(f"{report[split][metric]:.3f}" for split in HELD_OUT for metric in METRICS)]
        for report in _ranked(reports, export)
    ]
    if majority := _majority(reports[0]):
        val, test = zip(*majority, strict=True)
        rows.append([MAJORITY, *map(str.strip, (*val, *test))])
    exported = next(report for report in reports if report["model"] == export["model"])
    counts = zip(exported["classes"], exported["test"]["confusion"], strict=True)
    parts = [
        "## Models, best on validation first",
        markdown_table(["model", *names], rows),
        _exported(export),
        "\n".join(f"- {name}: {value}" for name, value in _details(reports, export, register, validate)),
        f"## Confusion matrix of {exported['model']} on test (rows: truth)",
        markdown_table(["", *exported["classes"]], [[f"**{name}**", *map(str, row)] for name, row in counts]),
    ]
    return "\n\n".join(parts)


def _majority(report: Report) -> list[tuple[str, str]]:
    """The metrics of predicting the most frequent class, on validation and test, in the order of `METRICS`.

    Empty for a report of an earlier release.
    """
    if any("majority_class" not in report[split] for split in HELD_OUT):
        return []
    val, test = (report[split]["majority_class"] for split in HELD_OUT)
    return [
        (f"{val[metric]:.3f}", f"{test[metric]:.3f}") if metric in val else ("  -  ", "  -  ") for metric in METRICS
    ]


def _ranked(reports: Sequence[Report], export: Report) -> list[Report]:
    return sorted(reports, key=lambda report: -report["val"][export["select_by"]])


def _exported(export: Report) -> str:
    return f"{export['model']} is in exports/: the best single model by {METRICS[export['select_by']]} on validation"


def _details(reports: Sequence[Report], export: Report, register: Report, validate: Report) -> list[tuple[str, str]]:
    int8 = export["parity"]["int8"]
    status, agreement = "kept" if int8["kept"] else "left out", f"{int8['agreement']:.1%}"
    details = [
        ("int8", f"{status}: {agreement} agreement with torch on validation, macro-F1 {-int8['macro_f1_loss']:+.3f}"),
        ("registered", f"{register['registered_model']} in MLflow; `make ui` compares the runs"),
        ("report", "reports/index.html"),
        ("data", f"{validate['rows_out']:,} of {validate['rows_in']:,} faces kept; reports/validation/index.html"),
    ]
    for report in reports:
        if not report["val"].get("better_than_chance", True):
            details.append(("warning", f"{report['model']} is not better than chance on validation"))
    for item in validate["expectations"]:
        if not item["success"]:
            text = f"{item['text']}: broken by {item['num_unexpected']} of {item['num_rows']} rows"
            details.append(("warning", text))
    return details
