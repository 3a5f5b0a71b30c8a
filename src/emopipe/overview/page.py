"""reports/index.html: the results of a run on one page, which links to the pages and figures beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from emopipe.reports.templates import render

Report = Mapping[str, Any]

FIGURES = {
    "training": "Learning curves",
    "test_confusion": "Confusion matrix, test",
    "test_reliability": "Calibration, test",
    "test_curves": "Curves, test",
    "test_mistakes": "Most confident mistakes, test",
    "test_attention": "Grad-CAM of mistakes, test",
    "val_confusion": "Confusion matrix, validation",
    "val_reliability": "Calibration, validation",
    "val_curves": "Curves, validation",
}
"""Titles of the figures in reports/figures/MODEL, by the stem of their file, in the order of the page."""
NUM_CONFUSIONS = 6


def overview_page(
    evaluations: Sequence[Report],
    *,
    ingest: Report,
    validate: Report,
    balance: Report,
    export: Report,
    figures: Mapping[str, Sequence[str]],
) -> str:
    """The page as HTML, from the reports of the stages.

    evaluations: of all models and ensembles. figures: the stems of the figures of each, in any order.
    """
    by_rank = sorted(evaluations, key=lambda report: -report["val"][export["select_by"]])
    exported = next(report for report in by_rank if report["model"] == export["model"])
    return render(
        "overview/page.html.j2",
        models=[exported, *(report for report in by_rank if report is not exported)],
        by_rank=by_rank,
        exported=exported,
        ingest=ingest,
        validate=validate,
        balance=balance,
        export=export,
        notices=_notices(by_rank, ingest, validate, export),
        confusions={report["model"]: _confusions(report) for report in by_rank},
        titles=FIGURES,
        figures={model: [stem for stem in FIGURES if stem in stems] for model, stems in figures.items()},
    )


def _notices(evaluations: Sequence[Report], ingest: Report, validate: Report, export: Report) -> list[str]:
    """What a reader must know before the figures."""
    found = []
    if ingest["source"]["drawn"]:
        found.append("The faces of this data set are drawn: these figures say nothing about photographs.")
    found += [
        f"{report['model']} is not better than chance on validation."
        for report in evaluations
        if not report["val"]["better_than_chance"]
    ]
    found += [
        f"{item['text']}: broken by {item['num_unexpected']:,} of {item['num_rows']:,} rows."
        for item in validate["expectations"]
        if not item["success"]
    ]
    if not export["parity"]["int8"]["kept"]:
        found.append("The int8 model is left out, as it differs too much from fp32.")
    return found


def _confusions(report: Report) -> list[dict[str, Any]]:
    """The most frequent mistakes in test: `truth`, `predicted`, `num` and its share of the faces of `truth`."""
    classes, confusion = report["classes"], report["test"]["confusion"]
    cells = [
        {"truth": truth, "predicted": classes[k], "num": num, "share": num / sum(row)}
        for truth, row in zip(classes, confusion, strict=True)
        for k, num in enumerate(row)
        if num and classes[k] != truth
    ]
    return sorted(cells, key=lambda cell: -cell["num"])[:NUM_CONFUSIONS]
