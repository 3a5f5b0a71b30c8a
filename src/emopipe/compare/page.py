"""The comparison as an HTML page: intervals, tables, and images of faces with different predictions; self-contained."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from emopipe.evaluate.comparison import Comparison
from emopipe.evaluate.paired import Difference
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.tracking.comparison_tables import Section, flip_groups, interval, p_value_text, tone

NUM_IMAGES = 36
"""Faces shown of each group."""


def comparison_page(comparison: Comparison, parts: Sequence[Section], images: Mapping[str, bytes]) -> str:
    """The page; `images` are PNGs of faces by id, of those of `shown_flips` that were found."""
    return render(
        "compare/page.html.j2",
        comparison=comparison,
        parts={part.key: part for part in parts},
        bars=_bars(comparison),
        flips=[_group(title, flips, images) for title, flips in flip_groups(comparison.flips).items()],
        uris={face: data_uri(png) for face, png in images.items()},
        overall_tone=tone(comparison.macro_f1),
        p_value=p_value_text(comparison),
    )


def shown_flips(flips: pd.DataFrame) -> list[str]:
    """Ids of the faces that the page shows."""
    return [face for group in flip_groups(flips).values() for face in group["id"].head(NUM_IMAGES)]


def _group(title: str, flips: pd.DataFrame, images: Mapping[str, bytes]) -> dict[str, Any]:
    shown = flips.head(NUM_IMAGES)
    return {
        "title": title,
        "shown": list(shown.itertuples(index=False)),
        "num_more": len(flips) - len(shown),
        "num_without_image": int((~shown["id"].isin(list(images))).sum()),
    }


def _bars(comparison: Comparison) -> dict[str, list[dict[str, Any]]]:
    """Differences over all faces and of each class, on one scale."""
    groups = {
        "All faces": {"accuracy": comparison.accuracy, "macro-F1": comparison.macro_f1},
        "Recall": dict(zip(comparison.classes, comparison.recall, strict=True)),
        "F1": dict(zip(comparison.classes, comparison.f1, strict=True)),
    }
    ends = [end for group in groups.values() for each in group.values() for end in (each.low, each.high, each.delta)]
    scale = max(map(abs, ends)) or 1.0
    return {title: [_bar(name, each, scale) for name, each in group.items()] for title, group in groups.items()}


def _bar(name: str, metric: Difference, scale: float) -> dict[str, Any]:
    """Positions are percentages of the width, with zero in the middle."""
    return {
        "name": name,
        "text": f"{metric.delta:+.3f} ({interval(metric)})",
        "tone": tone(metric),
        "low": 50 + 50 * metric.low / scale,
        "width": 50 * (metric.high - metric.low) / scale,
        "middle": 50 + 50 * metric.delta / scale,
    }
