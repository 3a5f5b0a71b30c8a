"""A comparison in the terminal and as Markdown."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from emopipe.reports.markdown import markdown_table
from emopipe.tracking.comparison_tables import Cell, Section

STYLES = {"plain": "", "better": "bold green", "worse": "bold red", "noise": "dim"}


def rich_text(parts: Sequence[Section]) -> RenderableType:
    """Tables one below the other; better is green, worse red, and noise dim."""
    shown: list[RenderableType] = []
    for part in parts:
        shown.append(Text(f"\n{part.title}" if shown else part.title, style="bold"))
        if part.note:
            shown.append(Text(part.note, style="dim"))
        if part.rows:
            shown.append(_table(part))
    return Group(*shown)


def markdown(parts: Sequence[Section]) -> str:
    """Tables under headings; what is beyond noise is bold."""
    return "\n\n".join(block for part in parts for block in _blocks(part)) + "\n"


def _table(part: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for number, name in enumerate(part.header):
        table.add_column(name, justify="left" if number == 0 or part.is_text else "right")
    for row in part.rows:
        table.add_row(*(Text(cell.text, style=STYLES[cell.tone]) for cell in row))
    return table


def _blocks(part: Section) -> list[str]:
    blocks = [f"## {_escaped(part.title)}"]
    if part.note:
        blocks.append(_escaped(part.note))
    if part.rows:
        header = [_escaped(name) for name in part.header]
        blocks.append(markdown_table(header, [[_marked(cell) for cell in row] for row in part.rows]))
    return blocks


def _marked(cell: Cell) -> str:
    text = _escaped(cell.text)
    return f"**{text}**" if cell.tone in ("better", "worse") else text


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")
