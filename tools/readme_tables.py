"""Write the result tables of README.md and docs/results.md from results/, and the output of `emopipe summary`.

`python tools/readme_tables.py`, or `make tables`. Tables lie between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from emopipe.reports.markdown import markdown_table

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/results.md", "docs/released.md")
FOLDERS = {"FER2013": "results/fer2013", "FER+": "results/released", "sample": "results/sample/evaluate"}
QUOTED = ("export.json", "validate.json")
COLUMNS = {
    "val accuracy": ("val", "accuracy"),
    "val macro-F1": ("val", "macro_f1"),
    "test accuracy": ("test", "accuracy"),
    "test macro-F1": ("test", "macro_f1"),
    "test ECE": ("test", "ece"),
}


SUMMARY = re.compile(r"^Models, best on validation first$.*?(?=^\$ |^```)", re.M | re.S)
"""The output of `emopipe summary` in a fenced block, up to the next command or the end of the block."""


def with_tables(text: str, root: Path) -> str:
    """`text` with its tables made anew: one for each data set with all reports, and `results` with the best of each."""
    rows = {data: report_rows(root / folder) for data, folder in FOLDERS.items()}
    best = [[data, *reports[0]] for data, reports in rows.items()]
    tables = {data.lower(): markdown_table(["model", *COLUMNS], reports) for data, reports in rows.items()}
    tables["results"] = markdown_table(["data", "model", *COLUMNS], best)
    for name, table in tables.items():
        block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        text = re.sub(
            rf"<!-- {re.escape(name)} -->\n.*?<!-- /{re.escape(name)} -->", lambda _, new=block: new, text, flags=re.S
        )
    return text


def copy_reports(reports: Path, target: Path) -> None:
    """Keep the reports that the pages quote in git: DVC has them in its cache alone."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(reports / "evaluate", target / "evaluate", ignore=shutil.ignore_patterns(".gitignore"))
    for name in QUOTED:
        shutil.copy(reports / name, target)


def report_rows(folder: Path) -> list[list[str]]:
    """A row per report, best macro-F1 on validation first."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    ranked = sorted(reports, key=lambda report: -report["val"]["macro_f1"])
    return [
        [report["model"], *(cell(report[split], metric) for split, metric in COLUMNS.values())] for report in ranked
    ]


def cell(metrics: dict[str, Any], metric: str) -> str:
    """The metric, and its 95 % interval where there is one."""
    interval = metrics.get(f"{metric}_ci")
    return f"{metrics[metric]:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


def with_summary(text: str, root: Path) -> str:
    """`text` with the output of `emopipe summary` in `root`."""
    command = [sys.executable, "-m", "emopipe", "summary"]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    lines = "".join(f"{line.rstrip()}\n" for line in output.splitlines())
    return SUMMARY.sub(lambda _: lines, text)


def main() -> None:
    """Rewrite the pages. Once the stage `register` has run here, results/sample and the summary are renewed first."""
    registered = (ROOT / "reports" / "register.json").exists()
    if registered:
        copy_reports(ROOT / "reports", ROOT / "results" / "sample")
    for name in PAGES:
        page = ROOT / name
        text = with_tables(page.read_text(encoding="utf-8"), ROOT)
        page.write_text(with_summary(text, ROOT) if registered and SUMMARY.search(text) else text, encoding="utf-8")


if __name__ == "__main__":
    main()
