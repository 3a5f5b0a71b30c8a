"""Class names of any script in figures: an installed font that has their letters, or their code points."""

import warnings
from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

DEFAULT = "DejaVu Sans"
"""Matplotlib's own font: Latin, Greek, Cyrillic, Arabic and Hebrew letters."""
_NORMAL = (400, "normal", "regular")
_PLACEHOLDERS = "Last Resort"
"""A font whose glyphs show the name of a script, not the letter."""


def legible_names(names: Sequence[str]) -> list[str]:
    """The names, with letters that no installed font has as code points (`\\u559c`), and a warning if there are any."""
    missing = {letter for letter in set("".join(names)) - _letters(DEFAULT) if not _fonts_with(letter)}
    if missing:
        warnings.warn(
            f"no installed font has the letters {' '.join(sorted(missing))} of class names, so figures show their code "
            "points: install one, such as Noto Sans CJK",
            stacklevel=2,
        )
    return ["".join(_code_point(letter) if letter in missing else letter for letter in name) for name in names]


def use_fonts(figure: Figure) -> None:
    """Let every text of the figure fall back to fonts with the letters that matplotlib's own lacks."""
    for text in figure.findobj(Text):
        if lacking := set(text.get_text()) - _letters(DEFAULT) - {"\n"}:
            text.set_fontfamily([DEFAULT, *_families(sorted(lacking))])


def _families(letters: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(font for letter in letters for font in _fonts_with(letter)[:1]))


@cache
def _fonts_with(letter: str) -> tuple[str, ...]:
    """Installed fonts that have the letter, in the alphabet."""
    names = {font.name for font in font_manager.fontManager.ttflist if not font.name.startswith(_PLACEHOLDERS)}
    return tuple(name for name in sorted(names) if letter in _letters(name))


@cache
def _letters(family: str) -> frozenset[str]:
    # `findfont` also finds it, but logs a line for each family without a normal weight
    fonts = [font for font in font_manager.fontManager.ttflist if font.name == family]
    upright = min(fonts, key=lambda font: (font.style != "normal", font.weight not in _NORMAL))
    return frozenset(map(chr, font_manager.get_font(upright.fname).get_charmap()))


def _code_point(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode()
