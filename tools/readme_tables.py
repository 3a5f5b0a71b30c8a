"""Write the README's result tables from the reports that hold the figures: `python tools/readme_tables.py`."""

import json
import re
from pathlib import Path
from typing import Any

from emopipe.reports.markdown import markdown_table

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TABLES = {"sample": "reports/evaluate", "fer2013": "results/fer2013"}
COLUMNS = {
    "val accuracy": ("val", "accuracy"),
    "val macro-F1": ("val", "macro_f1"),
    "test accuracy": ("test", "accuracy"),
    "test macro-F1": ("test", "macro_f1"),
    "test ECE": ("test", "ece"),
}


def with_tables(readme: str, root: Path) -> str:
    """`readme` with each table between its marks, `<!-- name -->` and `<!-- /name -->`, made anew."""
    for name, folder in TABLES.items():
        reports = [json.loads(path.read_text(encoding="utf-8")) for path in (root / folder).glob("*.json")]
        block = f"<!-- {name} -->\n{table(reports)}\n<!-- /{name} -->"
        readme = re.sub(rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _, text=block: text, readme, flags=re.S)
    return readme


def table(reports: list[dict[str, Any]]) -> str:
    """A row per report, best macro-F1 on validation first; test figures with their interval where there is one."""
    ranked = sorted(reports, key=lambda report: -report["val"]["macro_f1"])
    rows = [
        [report["model"], *(cell(report[split], figure) for split, figure in COLUMNS.values())] for report in ranked
    ]
    return markdown_table(["model", *COLUMNS], rows)


def cell(figures: dict[str, Any], figure: str) -> str:
    """The figure, and its 95 % interval."""
    interval = figures.get(f"{figure}_ci")
    return f"{figures[figure]:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8"), ROOT), encoding="utf-8")
