"""What a comparison says, as titled tables that the terminal, Markdown and the page all show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference

Tone = Literal["plain", "better", "worse", "noise"]
Change = tuple[str, str, str]
"""Name, A's value, B's value."""


@dataclass(frozen=True)
class Cell:
    """A text, and whether it is good or bad news, or none."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table with a title, and what has to be known to read it."""

    key: str
    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_text: bool = False
    """Whether its columns are words, to be set to the left, and not figures."""


def sections(figures: Comparison, params: Sequence[Change], data: Sequence[Change]) -> list[Section]:
    """All of a comparison; `params` and `data` are what differs between the two models."""
    return [
        _overall(figures),
        _classes(figures),
        _confusion(figures),
        _flips(figures),
        _changes("params", "Parameters that differ", params),
        _changes("data", "Data that differ", data),
    ]


def tone(difference: Difference, *, lower_is_better: bool = False) -> Tone:
    """Whether B is better, or worse, or not told apart."""
    if difference.is_noise:
        return "noise"
    return "better" if (difference.delta > 0) != lower_is_better else "worse"


def mcnemar_text(figures: Comparison) -> str:
    """The test in a sentence."""
    test = figures.mcnemar
    kind = "exact" if test.exact else "chi-square"
    return (
        f"{test.only_a:,} faces only A got right, {test.only_b:,} only B: McNemar's test ({kind}) gives "
        f"p {p_value_text(figures)}"
    )


def p_value_text(figures: Comparison) -> str:
    """With the sign before it."""
    p_value = figures.mcnemar.p_value
    return "< 0.0001" if p_value < 0.0001 else f"= {p_value:.4f}"


def _overall(figures: Comparison) -> Section:
    rows = {
        "accuracy": (figures.accuracy, False),
        "macro-F1": (figures.macro_f1, False),
        "ECE (lower is better)": (figures.ece, True),
    }
    says = {"better": "B is better", "worse": "B is worse", "noise": "within noise", "plain": ""}
    return Section(
        key="overall",
        title=f"B = {figures.b} against A = {figures.a}, on {figures.num_faces:,} test faces",
        note=f"{mcnemar_text(figures)}.",
        header=("", "A", "B", "B - A", f"{figures.confidence:.0%} interval", ""),
        rows=tuple(
            (
                Cell(name),
                Cell(f"{figure.a:.3f}"),
                Cell(f"{figure.b:.3f}"),
                Cell(f"{figure.delta:+.3f}", tone(figure, lower_is_better=lower)),
                Cell(interval(figure)),
                Cell(says[tone(figure, lower_is_better=lower)], tone(figure, lower_is_better=lower)),
            )
            for name, (figure, lower) in rows.items()
        ),
    )


def interval(figure: Difference) -> str:
    """Both ends with their signs."""
    return f"{figure.low:+.3f} to {figure.high:+.3f}"


def _classes(figures: Comparison) -> Section:
    rows = zip(figures.classes, figures.support, figures.recall, figures.f1, strict=True)
    return Section(
        key="classes",
        title="Each class",
        note=f"Intervals of {figures.confidence:.0%}, each for itself: of many, some miss zero by chance.",
        header=("class", "faces", "recall A", "recall B", "B - A", "interval", "F1 A", "F1 B", "B - A", "interval"),
        rows=tuple((Cell(name), Cell(f"{num:,}"), *_figure(recall), *_figure(f1)) for name, num, recall, f1 in rows),
    )


def _figure(figure: Difference) -> tuple[Cell, ...]:
    return (
        Cell(f"{figure.a:.3f}"),
        Cell(f"{figure.b:.3f}"),
        Cell(f"{figure.delta:+.3f}", tone(figure)),
        Cell(interval(figure), "noise" if figure.is_noise else "plain"),
    )


def _confusion(figures: Comparison) -> Section:
    rate = f"{1 - figures.confidence:.0%}"
    return Section(
        key="confusion",
        title="Confusion matrix, B - A",
        note="Faces more or fewer, the truth in rows. What is not marked is within noise by McNemar's test of each "
        f"cell; of what is marked, up to {rate} is to be expected by chance (Benjamini and Hochberg).",
        header=("", *figures.classes),
        rows=tuple(
            (Cell(name), *(_count(figures, row, column) for column in range(len(figures.classes))))
            for row, name in enumerate(figures.classes)
        ),
    )


def _count(figures: Comparison, row: int, column: int) -> Cell:
    count = int(figures.confusion[row, column])
    if figures.noise[row, column]:
        return Cell(f"{count:+d}" if count else "0", "noise")
    return Cell(f"{count:+d}", "better" if (count > 0) == (row == column) else "worse")


def _flips(figures: Comparison) -> Section:
    flips = figures.flips
    right_a, right_b = flips["a"] == flips["label"], flips["b"] == flips["label"]
    groups = {"only B is right": right_b, "only A is right": right_a, "both are wrong": ~right_a & ~right_b}
    return Section(
        key="flips",
        title="Faces whose answer flipped",
        note=f"{len(flips):,} of {figures.num_faces:,} faces.",
        header=("", "faces", "share"),
        rows=tuple(
            (Cell(name), Cell(f"{mask.sum():,}"), Cell(f"{mask.sum() / figures.num_faces:.1%}"))
            for name, mask in groups.items()
        ),
    )


def _changes(key: str, title: str, found: Sequence[Change]) -> Section:
    return Section(
        key=key,
        title=title,
        note="" if found else "None.",
        header=("", "A", "B"),
        rows=tuple((Cell(name), Cell(a), Cell(b)) for name, a, b in found),
        is_text=True,
    )
