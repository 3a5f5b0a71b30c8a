"""The one form in which names are compared: labels, classes, splits, in every format and in params.yaml."""

import re
import unicodedata

_INTEGER = re.compile(r"(-?)0*([0-9]+)(?:\.0*)?")


def fold_name(text: str) -> str:
    """NFC, without blanks at the ends and with single ones inside, casefolded; a whole number (`3.0`, `03`) as `3`.

    Equal for spellings of one name: composed or decomposed as macOS writes them, in any case. Idempotent.
    """
    folded = " ".join(text.split()).casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFD", text)  # some letters fold only then
        folded = unicodedata.normalize("NFC", " ".join(decomposed.split()).casefold())
    return number_text(folded) or folded


def clean_name(text: str) -> str:
    """A name as it is shown: NFC, without blanks at the ends and with single ones inside."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def number_text(text: str) -> str | None:
    """A whole number without zeros around it (`3.0` and `03` are `3`); None for any other text."""
    match = _INTEGER.fullmatch(text)
    return match and (f"{match[1]}{match[2]}" if match[2] != "0" else "0")


def is_number(name: str) -> bool:
    """Whether a folded name is a whole number."""
    return number_text(name) is not None
