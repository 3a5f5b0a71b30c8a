"""What a comparison gave, as a picture: differences from the baseline with their intervals, a panel per figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from emopipe.compare.sweep.report import SPLIT_NAMES
from emopipe.compare.sweep.statistics import Effects
from emopipe.evaluate.figures import COLOURS, QUIET, STYLE

PANEL_WIDTH, ROW_HEIGHT, LETTER = 1.75, 0.3, 0.085  # inches
SIGNAL, NOISE = COLOURS[0], "#aaaaaa"


@style.context(STYLE)
def experiments_figure(model: str, found: Mapping[str, tuple[Sequence[str], Effects]]) -> Figure:
    """Of one model: a row of panels per split, from the settings (the baseline first) and their effects."""
    settings, first = next(iter(found.values()))
    others = list(settings[1:])
    margin = LETTER * max(map(len, others)) + 0.5
    height = 1.0 + ROW_HEIGHT * len(others)
    figure = Figure(figsize=(margin + PANEL_WIDTH * len(first.names), 0.9 + height * len(found)))
    figure.suptitle(f"{model}: points gained over {settings[0]}, with 95 % intervals; grey is noise")
    grid: Any = figure.subplots(len(found), len(first.names), squeeze=False, sharey=True)
    for row, (split, (_, effects)) in zip(grid, found.items(), strict=True):
        for place, (axes, name) in enumerate(zip(row, effects.names, strict=True)):
            _panel(axes, effects, place)
            axes.set_title(f"{name}, less is better" if name == "ECE" else name, fontsize=9)
        row[0].set_yticks(range(len(others)), others)
        row[0].set_ylim(len(others) - 0.5, -0.5)
        row[0].set_ylabel(SPLIT_NAMES[split])
    return figure


def _panel(axes: Any, effects: Effects, place: int) -> None:
    points = 100 * effects.differences[1:, place]
    halves = 100 * effects.difference_half[1:, place]
    rows = np.arange(len(points))
    axes.axvline(0, color=QUIET, lw=1, ls=":")
    for chosen, colour in ((effects.signal[1:, place], SIGNAL), (~effects.signal[1:, place], NOISE)):
        axes.errorbar(points[chosen], rows[chosen], xerr=halves[chosen], fmt="o", ms=4, color=colour, lw=1.5)
    axes.tick_params(labelsize=8)
