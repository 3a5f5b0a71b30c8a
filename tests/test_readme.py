"""The tables of the README hold what the reports hold."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = {"accuracy": "accuracy", "macro-F1": "macro_f1", "ECE": "ece"}


def table(name):
    """Rows of the table between `<!-- name -->` and `<!-- /name -->`, as column to cell."""
    block = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, flags=re.S)
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.parametrize(("name", "folder"), [("sample", "reports/evaluate"), ("fer2013", "results/fer2013")])
def test_a_table_shows_every_report_with_its_figures(name, folder):
    reports = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / folder).glob("*.json")}
    rows = {row.pop("model"): row for row in table(name)}
    assert rows
    assert rows == {model: cells(report, next(iter(rows.values()))) for model, report in reports.items()}


def cells(report, header):
    found = {}
    for column in header:
        split, figure = column.split(" ", 1)
        value = report[split][COLUMNS[figure]]
        interval = report[split].get(f"{COLUMNS[figure]}_ci") if split == "test" else None
        found[column] = f"{value:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")
    return found
