"""The comparison as an HTML page: intervals, tables, and images of faces with different predictions; self-contained."""

from collections.abc import Mapping, Sequence

import pandas as pd

from emopipe.evaluate.comparison import Comparison
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.tracking.comparison_tables import Section, flip_groups, interval, p_value_text, tone

NUM_IMAGES = 36
"""Faces shown of each group."""


def comparison_page(comparison: Comparison, parts: Sequence[Section], images: Mapping[str, bytes]) -> str:
    """The page; `images` are PNGs of faces by id, of those of `shown_flips` that were found."""
    metrics = {
        "All faces": {"accuracy": comparison.accuracy, "macro-F1": comparison.macro_f1},
        "Recall": dict(zip(comparison.classes, comparison.recall, strict=True)),
        "F1": dict(zip(comparison.classes, comparison.f1, strict=True)),
    }
    every = [metric for group in metrics.values() for metric in group.values()]
    return render(
        "compare/page.html.j2",
        comparison=comparison,
        parts={part.key: part for part in parts},
        metrics=metrics,
        scale=max(abs(end) for metric in every for end in (metric.low, metric.high, metric.delta)) or 1.0,
        groups=flip_groups(comparison.flips),
        num_images=NUM_IMAGES,
        uris={face: data_uri(png) for face, png in images.items()},
        tone=tone,
        interval=interval,
        p_value=p_value_text(comparison),
    )


def shown_flips(flips: pd.DataFrame) -> list[str]:
    """Ids of the faces that the page shows."""
    return [face for group in flip_groups(flips).values() for face in group["id"].head(NUM_IMAGES)]
