"""Figures show class names of any script, with an installed font or as code points, and never as boxes."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager

from emopipe.evaluate import fonts
from emopipe.evaluate.figures import confusion_figure, curves_figure, mistakes_figure, png_bytes
from emopipe.evaluate.fonts import legible_names

ELSEWHERE = "\u2a7d"
"""A letter that matplotlib ships in STIX alone of its text fonts, for the test."""


@pytest.fixture
def shipped_alone(monkeypatch):
    """Only the fonts that matplotlib brings, and no memory of others."""
    folder = mpl.get_data_path()
    kept = [font for font in font_manager.fontManager.ttflist if str(folder) in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", kept)
    fonts._fonts_with.cache_clear()
    yield
    fonts._fonts_with.cache_clear()


def draw_all(names):
    counts = np.eye(len(names), dtype=int)
    yield confusion_figure(counts, names, "m")
    yield curves_figure(np.eye(len(names)), np.arange(len(names)), names, "m")
    yield mistakes_figure([np.zeros((8, 8, 1), np.uint8)], [(names[0], names[1], 0.5)], "m")


@pytest.mark.parametrize(
    "names",
    [("angry", "col\u00e8re"), ("\u0440\u0430\u0434\u043e\u0441\u0442\u044c", "\u03b8\u03c5\u03bc\u03cc\u03c2")],
)
def test_names_that_the_default_font_has_stay(shipped_alone, names):
    with warnings.catch_warnings(action="error"):
        assert legible_names(names) == list(names)


def test_letters_without_a_font_are_code_points_with_a_warning(shipped_alone):
    message = "no installed font has the letters \u3073 \u559c of class names, so figures show their code points"
    with pytest.warns(UserWarning, match=message):
        names = legible_names(("\u559c\u3073 1", "sad"))
    assert names == ["\\u559c\\u3073 1", "sad"]
    with warnings.catch_warnings(action="error"):
        assert all(png_bytes(figure) for figure in draw_all(names))


def test_another_font_gives_the_letters_that_the_default_one_lacks(shipped_alone, monkeypatch):
    monkeypatch.setattr(fonts, "_letters", without(ELSEWHERE, of=fonts.DEFAULT))
    with warnings.catch_warnings(action="error"):
        (name, _) = legible_names((f"a{ELSEWHERE}", "b"))
        assert name == f"a{ELSEWHERE}"
        figure = next(draw_all([name, "b"]))
        png_bytes(figure)
    families = {text.get_text(): text.get_fontfamily() for text in figure.axes[0].get_xticklabels()}
    assert families[name][0] == fonts.DEFAULT
    assert ELSEWHERE in fonts._letters(families[name][1])


def without(letter, *, of):
    known = fonts._letters
    return lambda family: known(family) - ({letter} if family == of else set())
