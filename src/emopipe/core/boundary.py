"""The boundary to libraries that read files: whatever they raise for a damaged one becomes an error of one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from emopipe.core.errors import DataError, EmopipeError

LENGTH = 200
"""Characters of a library's message that are quoted."""


@contextmanager
def reading(what: str, remedy: str, error: type[EmopipeError] = DataError) -> Iterator[None]:
    """Turn any exception of the block into `error`, as "WHAT (REASON): REMEDY".

    For damaged content, libraries raise more kinds of exceptions than they document. Errors of this project pass.
    """
    try:
        yield
    except EmopipeError:
        raise
    except Exception as reason:
        raise error(f"{what} ({one_line(reason)}): {remedy}") from reason


def one_line(error: BaseException) -> str:
    """The message of an exception, or its type if it has none; at most `LENGTH` printable characters."""
    text = "".join(character if character.isprintable() else " " for character in str(error))
    return " ".join(text.split())[:LENGTH] or type(error).__name__
