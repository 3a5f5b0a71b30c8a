"""Figure of a sweep: differences from the baseline with their intervals, a panel per metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from emopipe.compare.sweep.statistics import Effects
from emopipe.evaluate.figures import COLOURS, QUIET, STYLE

SPLIT_NAMES = {"val": "validation", "test": "test"}
PANEL_WIDTH, ROW_HEIGHT, LETTER = 1.75, 0.3, 0.085  # inches
SIGNAL, NOISE = COLOURS[0], "#aaaaaa"


@style.context(STYLE)
def sweep_figure(model: str, by_split: Mapping[str, tuple[Sequence[str], Effects]]) -> Figure:
    """A row of panels per split of one model, from the settings (the baseline first) and their effects."""
    settings, first = next(iter(by_split.values()))
    others = list(settings[1:])
    margin = LETTER * max(map(len, others)) + 0.5
    height = 1.0 + ROW_HEIGHT * len(others)
    figure = Figure(figsize=(margin + PANEL_WIDTH * len(first.names), 0.9 + height * len(by_split)))
    figure.suptitle(f"{model}: points gained over {settings[0]}, with 95 % intervals; grey is noise")
    grid: Any = figure.subplots(len(by_split), len(first.names), squeeze=False, sharey=True)
    for row, (split, (_, effects)) in zip(grid, by_split.items(), strict=True):
        for column, (axes, name) in enumerate(zip(row, effects.names, strict=True)):
            _panel(axes, effects, column)
            axes.set_title(f"{name}, less is better" if name == "ECE" else name, fontsize=9)
        row[0].set_yticks(range(len(others)), others)
        row[0].set_ylim(len(others) - 0.5, -0.5)
        row[0].set_ylabel(SPLIT_NAMES[split])
    return figure


def _panel(axes: Any, effects: Effects, column: int) -> None:
    points = 100 * effects.differences[1:, column]
    halves = 100 * effects.difference_half[1:, column]
    rows = np.arange(len(points))
    axes.axvline(0, color=QUIET, lw=1, ls=":")
    for chosen, colour in ((effects.is_significant[1:, column], SIGNAL), (~effects.is_significant[1:, column], NOISE)):
        axes.errorbar(points[chosen], rows[chosen], xerr=halves[chosen], fmt="o", ms=4, color=colour, lw=1.5)
    axes.tick_params(labelsize=8)
