"""A check in the terminal, and as Markdown for a comment on a pull request."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from emopipe.compare.check.report import Report
from emopipe.compare.promotion_text import TONES
from emopipe.tracking.comparison_tables import Cell, Section, Tone
from emopipe.tracking.table_text import STYLES, markdown, rich_text

LIMIT = 30_000
"""Bytes of Markdown: a comment on GitHub holds 65,536 characters, and so two checks."""
MOST_ROWS = 8
"""Of one table in the terminal."""


def check_text(report: Report) -> RenderableType:
    """What fits on a screen: the verdict, what was checked, and the tables that say most."""
    tone: Tone = "better" if report.passed else "worse"
    parts = [_items(report, TONES), *(_cut(part) for part in report.short)]
    return Group(Text(report.title), Text(report.headline, style=STYLES[tone]), Text(""), rich_text(parts))


def check_markdown(report: Report) -> str:
    """All of it, the long tables folded; those that would make it longer than `LIMIT` are named instead."""
    blocks = [
        f"### {_plain(report.title)}",
        f"**{_plain(report.headline)}.**",
        _table(_items(report, {"failed": "worse"})),
    ]
    blocks += [f"**{_plain(part.title)}**\n\n{_table(part)}" for part in report.short[:1]]
    left_out = []
    for part in [*report.short[1:], *report.more]:
        folded = f"<details>\n<summary>{_plain(_summary(part))}</summary>\n\n{_table(part)}\n\n</details>"
        if _size([*blocks, folded]) <= LIMIT - 1_000:
            blocks.append(folded)
        else:
            left_out.append(part.title)
    if left_out:
        blocks.append(f"Too long for a comment: {_plain('; '.join(left_out))}. `emopipe check` shows the tables.")
    return "\n\n".join(blocks) + "\n"


def _items(report: Report, tones: Mapping[str, Tone]) -> Section:
    return Section(
        key="items",
        title="Checked",
        note="",
        header=("what", "outcome", "found"),
        rows=tuple(
            (Cell(item.name), Cell(item.outcome, tones.get(item.outcome, "plain")), Cell(item.text))
            for item in report.items
        ),
        is_text=True,
    )


def _cut(part: Section) -> Section:
    more = len(part.rows) - MOST_ROWS
    if more <= 0:
        return part
    note = f"{part.note} The first {MOST_ROWS} of {len(part.rows)}; --markdown FILE has all.".strip()
    return replace(part, rows=part.rows[:MOST_ROWS], note=note)


def _table(part: Section) -> str:
    """Its note and its table, without the heading."""
    return markdown([part]).partition("\n\n")[2].strip()


def _summary(part: Section) -> str:
    return f"{part.title} ({len(part.rows)})" if part.key == "stages" else part.title


def _plain(text: str) -> str:
    """As it stands, in Markdown and in HTML inside it."""
    return html.escape(text, quote=False).replace("*", r"\*").replace("|", r"\|")


def _size(blocks: Sequence[str]) -> int:
    return len("\n\n".join(blocks).encode())
