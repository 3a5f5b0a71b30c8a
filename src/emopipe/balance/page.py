"""The HTML page of the stage: row counts, quality metrics, and real next to synthetic faces of each class."""

from typing import Any

import numpy as np

from emopipe.balance.balance import Balanced
from emopipe.balance.strategy import Sample
from emopipe.balance.synthetic_filter import REASONS
from emopipe.faces.png import encode_png
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render

NUM_IMAGES = 24
"""Real and synthetic images per class; half as many rejected ones."""
COLUMNS = ("before", "removed", "kept", "added", "short", "after")
METRICS = (
    *("intended_made", "intended_kept", "intended_real", "nearest_kept", "nearest_real"),
    *("diversity_kept", "diversity_real", "frechet", "frechet_real"),
)
SKIP_REASONS = {
    "not_drawn": "the sampler has no face to start from: too few in the class, or none near other classes",
    "not_aligned": "no partner of the class aligns",
    "edited": "most of the nearest neighbours are of other classes",
}


def balance_page(balanced: Balanced, report: dict[str, Any]) -> str:
    """The page as HTML, from the result of `balance_report`."""
    return render(
        "balance/page.html.j2",
        report=report,
        columns=COLUMNS,
        metrics=METRICS,
        reasons=REASONS | SKIP_REASONS,
        galleries={label: _gallery(balanced, label) for label in report["quality"]},
    )


def _gallery(balanced: Balanced, label: str) -> dict[str, list[tuple[str, str]]]:
    """Evenly spaced examples by title: data URI and caption of each."""
    real = balanced.faces.rows_of(label).tolist()
    synthetic = [(sample, sample.op) for sample in balanced.result.kept if sample.label == label]
    rejected = [(sample, reason) for sample, reason in balanced.result.flagged if sample.label == label]
    return {
        f"Real ({len(real):,})": [(data_uri(balanced.faces.pngs[row]), "") for row in _spaced(real, NUM_IMAGES)],
        f"Synthetic ({len(synthetic):,})": _examples(synthetic, NUM_IMAGES),
        f"Rejected by the filter ({len(rejected):,})": _examples(rejected, NUM_IMAGES // 2),
    }


def _examples(samples: list[tuple[Sample, str]], num: int) -> list[tuple[str, str]]:
    spaced = _spaced(samples, num)
    return [(data_uri(encode_png(sample.pixels)), text) for sample, text in spaced if sample.pixels is not None]


def _spaced(items: list[Any], num: int) -> list[Any]:
    return [items[place] for place in np.linspace(0, len(items) - 1, min(num, len(items))).astype(int)]
