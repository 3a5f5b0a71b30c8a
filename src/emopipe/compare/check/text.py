"""The report of a check in the terminal, and as Markdown for a comment on a pull request."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from emopipe.compare.check.checks import CheckReport
from emopipe.compare.promotion_text import TONES
from emopipe.tracking.comparison_tables import STYLES, Cell, Section, Tone, markdown, rich_text

MAX_BYTES = 30_000
"""Of Markdown: a comment on GitHub holds 65,536 characters, so two checks fit."""
MAX_ROWS = 8
"""Of one table in the terminal."""


def check_text(report: CheckReport) -> RenderableType:
    """The verdict, the checks, and the first rows of the tables, for one screen."""
    tone: Tone = "better" if report.passed else "worse"
    parts = [_results(report, TONES), *(_cut(part) for part in report.tables)]
    headline = Text.assemble((f"{report.headline}.", STYLES[tone]), f" {report.reran}")
    return Group(Text(report.title), headline, Text(""), rich_text(parts))


def check_markdown(report: CheckReport) -> str:
    """The whole report with folded tables; those beyond `MAX_BYTES` are only named."""
    blocks = [
        f"### {_escaped(report.title)}",
        f"**{_escaped(report.headline)}.** {report.reran}",
        _table(_results(report, {"failed": "worse"})),
    ]
    blocks += [f"**{_escaped(part.title)}**\n\n{_table(part)}" for part in report.tables[:1]]
    left_out = []
    for part in [*report.tables[1:], *report.details]:
        summary = f"{part.title} ({len(part.rows)})" if part.key == "stages" else part.title
        folded = f"<details>\n<summary>{_escaped(summary)}</summary>\n\n{_table(part)}\n\n</details>"
        if _size([*blocks, folded]) <= MAX_BYTES - 1_000:
            blocks.append(folded)
        else:
            left_out.append(part.title)
    if left_out:
        blocks.append(f"Too long for a comment: {_escaped('; '.join(left_out))}. `emopipe check` shows the tables.")
    return "\n\n".join(blocks) + "\n"


def _results(report: CheckReport, tones: Mapping[str, Tone]) -> Section:
    return Section(
        key="results",
        title="Checks",
        header=("check", "outcome", "finding"),
        rows=tuple(
            (Cell(result.name), Cell(result.outcome, tones.get(result.outcome, "plain")), Cell(result.text))
            for result in report.results
        ),
        is_text=True,
    )


def _cut(part: Section) -> Section:
    if len(part.rows) <= MAX_ROWS:
        return part
    note = f"{part.note} The first {MAX_ROWS} of {len(part.rows)}; --markdown FILE has all.".strip()
    return replace(part, rows=part.rows[:MAX_ROWS], note=note)


def _table(part: Section) -> str:
    """Note and table, without the heading."""
    return markdown([part]).partition("\n\n")[2].strip()


def _escaped(text: str) -> str:
    """Plain text in Markdown, and in HTML inside it."""
    return html.escape(text, quote=False).replace("*", r"\*").replace("|", r"\|")


def _size(blocks: Sequence[str]) -> int:
    return len("\n\n".join(blocks).encode())
