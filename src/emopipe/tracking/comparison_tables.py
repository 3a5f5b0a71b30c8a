"""A comparison as titled tables, and such tables in the terminal and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference
from emopipe.reports.markdown import markdown_table

Tone = Literal["plain", "better", "worse", "noise"]
STYLES = {"plain": "", "better": "bold green", "worse": "bold red", "noise": "dim"}
Change = tuple[str, str, str]
"""Name, A's value, B's value."""


@dataclass(frozen=True)
class Cell:
    """A text, and whether it is good news, bad news, or neither."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table with a title and a note."""

    key: str
    title: str
    note: str = ""
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_text: bool = False
    """Whether the columns are text, aligned to the left, and not numbers."""


def sections(comparison: Comparison, params: Sequence[Change], data: Sequence[Change]) -> list[Section]:
    """All tables of a comparison; `params` and `data` are the values that differ between the models."""
    return [
        _overall(comparison),
        _classes(comparison),
        _confusion(comparison),
        _flips(comparison),
        _changes("params", "Parameters that differ", params),
        _changes("data", "Data that differ", data),
    ]


def tone(difference: Difference, *, lower_is_better: bool = False) -> Tone:
    """Whether B is better, worse, or not significantly different."""
    if difference.is_noise:
        return "noise"
    return "better" if (difference.delta > 0) != lower_is_better else "worse"


def tone_text(tone: Tone) -> str:
    """`better`, `worse` or `within noise`."""
    return "within noise" if tone == "noise" else tone


def interval(difference: Difference) -> str:
    """Both ends with their signs."""
    return f"{difference.low:+.3f} to {difference.high:+.3f}"


def difference_cells(difference: Difference, *, lower_is_better: bool = False) -> tuple[Cell, ...]:
    """A's value, B's value, B - A, and its interval."""
    return (
        Cell(f"{difference.a:.3f}"),
        Cell(f"{difference.b:.3f}"),
        Cell(f"{difference.delta:+.3f}", tone(difference, lower_is_better=lower_is_better)),
        Cell(interval(difference), "noise" if difference.is_noise else "plain"),
    )


def p_value_text(comparison: Comparison) -> str:
    """McNemar's p value, after its sign."""
    p_value = comparison.mcnemar.p_value
    return "< 0.0001" if p_value < 0.0001 else f"= {p_value:.4f}"


def flip_groups(flips: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The faces that two models classify differently, by which one is correct."""
    right_a, right_b = flips["a"] == flips["label"], flips["b"] == flips["label"]
    return {
        "Only B is right": flips[right_b],
        "Only A is right": flips[right_a],
        "Both are wrong": flips[~right_a & ~right_b],
    }


def rich_text(parts: Sequence[Section]) -> RenderableType:
    """Tables for the terminal: better is green, worse red, and noise dim."""
    blocks: list[RenderableType] = []
    for part in parts:
        blocks.append(Text(f"\n{part.title}" if blocks else part.title, style="bold"))
        if part.note:
            blocks.append(Text(part.note, style="dim"))
        if part.rows:
            blocks.append(_rich_table(part))
    return Group(*blocks)


def markdown(parts: Sequence[Section]) -> str:
    """Tables under headings; significant differences are bold."""
    return "\n\n".join(block for part in parts for block in _markdown_blocks(part)) + "\n"


def _overall(comparison: Comparison) -> Section:
    rows = {
        "accuracy": (comparison.accuracy, False),
        "macro-F1": (comparison.macro_f1, False),
        "ECE (lower is better)": (comparison.ece, True),
        "NLL (lower is better)": (comparison.nll, True),
    }
    test, outcomes = comparison.mcnemar, {"better": "B is better", "worse": "B is worse", "noise": "within noise"}
    tones = {name: tone(metric, lower_is_better=lower) for name, (metric, lower) in rows.items()}
    return Section(
        key="overall",
        title=f"B = {comparison.b} against A = {comparison.a}, on {comparison.num_faces:,} test faces",
        note=f"{test.only_a:,} faces only A got right, {test.only_b:,} only B: McNemar's test "
        f"({'exact' if test.exact else 'chi-square'}) gives p {p_value_text(comparison)}.",
        header=("", "A", "B", "B - A", f"{comparison.confidence:.0%} interval", ""),
        rows=tuple(
            (
                Cell(name),
                *difference_cells(metric, lower_is_better=lower),
                Cell(outcomes[tones[name]], tones[name]),
            )
            for name, (metric, lower) in rows.items()
        ),
    )


def _classes(comparison: Comparison) -> Section:
    rows = zip(comparison.classes, comparison.support, comparison.recall, comparison.f1, strict=True)
    return Section(
        key="classes",
        title="Each class",
        note=f"Intervals of {comparison.confidence:.0%} each: of many, some exclude zero by chance.",
        header=("class", "faces", "recall A", "recall B", "B - A", "interval", "F1 A", "F1 B", "B - A", "interval"),
        rows=tuple(
            (Cell(name), Cell(f"{num:,}"), *difference_cells(recall), *difference_cells(f1))
            for name, num, recall, f1 in rows
        ),
    )


def _confusion(comparison: Comparison) -> Section:
    return Section(
        key="confusion",
        title="Confusion matrix, B - A",
        note="Differences in faces, true classes in rows. Marked cells are significant by McNemar's test, with a false "
        f"discovery rate of {1 - comparison.confidence:.0%} over the matrix (Benjamini and Hochberg).",
        header=("", *comparison.classes),
        rows=tuple(
            (Cell(name), *(_count(comparison, row, column) for column in range(len(comparison.classes))))
            for row, name in enumerate(comparison.classes)
        ),
    )


def _count(comparison: Comparison, row: int, column: int) -> Cell:
    count = int(comparison.confusion[row, column])
    if comparison.noise[row, column]:
        return Cell(f"{count:+d}" if count else "0", "noise")
    return Cell(f"{count:+d}", "better" if (count > 0) == (row == column) else "worse")


def _flips(comparison: Comparison) -> Section:
    return Section(
        key="flips",
        title="Faces with different predictions",
        note=f"{len(comparison.flips):,} of {comparison.num_faces:,} faces.",
        header=("", "faces", "share"),
        rows=tuple(
            (Cell(title), Cell(f"{len(group):,}"), Cell(f"{len(group) / comparison.num_faces:.1%}"))
            for title, group in flip_groups(comparison.flips).items()
        ),
    )


def _changes(key: str, title: str, changes: Sequence[Change]) -> Section:
    return Section(
        key=key,
        title=title,
        note="" if changes else "None.",
        header=("", "A", "B"),
        rows=tuple(tuple(map(Cell, change)) for change in changes),
        is_text=True,
    )


def _rich_table(part: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for number, name in enumerate(part.header):
        table.add_column(name, justify="left" if number == 0 or part.is_text else "right")
    for row in part.rows:
        table.add_row(*(Text(cell.text, style=STYLES[cell.tone]) for cell in row))
    return table


def _markdown_blocks(part: Section) -> list[str]:
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
