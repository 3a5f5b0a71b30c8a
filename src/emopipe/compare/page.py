"""The comparison as a page: intervals drawn, the tables, and pictures of faces that flipped; one file, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.tracking.comparison_tables import Section, Tone, interval, p_value_text, tone

NUM_PICTURES = 36
"""Faces shown of each kind of flip."""


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """An interval on a common scale; positions are percentages of its width, with zero in the middle."""

    name: str
    text: str
    tone: Tone
    low: float
    width: float
    middle: float


@dataclass(frozen=True, kw_only=True)
class _Flip:
    uri: str | None
    label: str
    a: str
    b: str
    p_a: float
    p_b: float


@dataclass(frozen=True, kw_only=True)
class _Flips:
    title: str
    shown: list[_Flip]
    num_more: int
    num_without_picture: int


def comparison_page(figures: Comparison, parts: Sequence[Section], pictures: Mapping[str, bytes]) -> str:
    """The page as HTML; `pictures` are PNGs of faces by id, as many of those that flipped as are at hand."""
    return render(
        "compare/page.html.j2",
        figures=figures,
        parts={part.key: part for part in parts},
        keys=[part.key for part in parts],
        groups=_bars(figures),
        flips=_flips(figures.flips, pictures),
        overall_tone=tone(figures.macro_f1),
        p_value=p_value_text(figures),
    )


def shown_flips(flips: pd.DataFrame) -> list[str]:
    """Ids of the faces that the page pictures."""
    return [face for _, group in _groups(flips) for face in group["id"].head(NUM_PICTURES)]


def _groups(flips: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    right_a, right_b = flips["a"] == flips["label"], flips["b"] == flips["label"]
    return [
        ("Only A is right", flips[right_a]),
        ("Only B is right", flips[right_b]),
        ("Both are wrong, differently", flips[~right_a & ~right_b]),
    ]


def _flips(flips: pd.DataFrame, pictures: Mapping[str, bytes]) -> list[_Flips]:
    groups = []
    for title, group in _groups(flips):
        shown = group.head(NUM_PICTURES)
        groups.append(
            _Flips(
                title=title,
                shown=[
                    _Flip(
                        uri=_uri(pictures.get(face)),
                        label=label,
                        a=a,
                        b=b,
                        p_a=p_a,
                        p_b=p_b,
                    )
                    for face, label, a, b, p_a, p_b in shown.itertuples(index=False)
                ],
                num_more=len(group) - len(shown),
                num_without_picture=int((~shown["id"].isin(list(pictures))).sum()),
            )
        )
    return groups


def _uri(png: bytes | None) -> str | None:
    return None if png is None else data_uri(png)


def _bars(figures: Comparison) -> dict[str, list[_Bar]]:
    """Differences of the whole and of each class, on one scale."""
    groups = {
        "All faces": {"accuracy": figures.accuracy, "macro-F1": figures.macro_f1},
        "Recall": dict(zip(figures.classes, figures.recall, strict=True)),
        "F1": dict(zip(figures.classes, figures.f1, strict=True)),
    }
    ends = [end for group in groups.values() for each in group.values() for end in (each.low, each.high, each.delta)]
    scale = max(map(abs, ends)) or 1.0
    return {title: [_bar(name, each, scale) for name, each in group.items()] for title, group in groups.items()}


def _bar(name: str, figure: Difference, scale: float) -> _Bar:
    return _Bar(
        name=name,
        text=f"{figure.delta:+.3f} ({interval(figure)})",
        tone=tone(figure),
        low=50 + 50 * figure.low / scale,
        width=50 * (figure.high - figure.low) / scale,
        middle=50 + 50 * figure.delta / scale,
    )
