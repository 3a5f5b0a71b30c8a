"""The page about the training set for people: the account, and real beside synthetic faces of each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from emopipe.balance.balance import Balanced
from emopipe.balance.rows import Addition
from emopipe.balance.synthetic_filter import REASONS
from emopipe.faces.png import encode_png
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render

NUM_PICTURES = 24
"""Of a class: real, and as many synthetic; half as many that did not pass."""
COLUMNS = ("before", "removed", "kept", "added", "short", "after")
FIGURES = (
    *("intended_made", "intended_kept", "intended_real", "nearest_kept", "nearest_real"),
    *("diversity_kept", "diversity_real", "frechet", "frechet_real"),
)
REFUSALS = {
    "not_drawn": "the sampler found no face to start from: too few in the class, or none near other classes",
    "not_aligned": "no partner of the class could be brought into line",
    "edited": "most of the nearest neighbours are of other classes",
}


@dataclass(frozen=True, kw_only=True)
class _Picture:
    uri: str
    caption: str


def balance_page(balanced: Balanced, report: dict[str, Any]) -> str:
    """The page as HTML; `report` is what `balance_report` gives."""
    return render(
        "balance/page.html.j2",
        report=report,
        columns=COLUMNS,
        figures=FIGURES,
        reasons=REASONS | REFUSALS,
        sheets={name: _sheet(balanced, name) for name in report["quality"]},
    )


def _sheet(balanced: Balanced, name: str) -> dict[str, list[_Picture]]:
    """Pictures by the title of their group, evenly spaced among all of it."""
    made = [(row, row.op) for row in balanced.filled.kept if row.label == name]
    failed = [(row, reason) for row, reason in balanced.filled.failed if row.label == name]
    real = _spaced(balanced.faces.members(name), NUM_PICTURES)
    return {
        f"Real ({len(balanced.faces.members(name)):,})": [
            _Picture(uri=data_uri(balanced.faces.pngs[face]), caption="") for face in real
        ],
        f"Synthetic ({len(made):,})": _pictures(made, NUM_PICTURES),
        f"Did not pass ({len(failed):,})": _pictures(failed, NUM_PICTURES // 2),
    }


def _pictures(rows: list[tuple[Addition, str]], most: int) -> list[_Picture]:
    chosen = [rows[place] for place in _spaced(np.arange(len(rows)), most)]
    return [
        _Picture(uri=data_uri(encode_png(row.pixels)), caption=caption)
        for row, caption in chosen
        if row.pixels is not None
    ]


def _spaced(rows: np.ndarray, most: int) -> list[int]:
    places = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    spaced: list[int] = rows[places].tolist()
    return spaced
