"""Lines of text, in any packing and encoding, and the cells of CSV lines.

Only one line is in memory, however large the file unpacks.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from charset_normalizer import CharsetMatch, from_bytes

from emopipe.core.errors import DataError
from emopipe.ingest.sources.read_errors import READ_ERRORS, error_text
from emopipe.ingest.sources.unpack import open_unpacked

MAX_LINE = 2**24
"""Longest line, in characters: a row of 2000x2000 pixels."""
MAX_CHARACTERS = 2**36
"""Largest unpacked file, in characters; a larger one is a mistake or an attack."""

_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF8, _WESTERN = "utf-8-sig", "cp1252"
_BOM = "\ufeff"
_DELIMITERS = ",\t;|"
_NUM_SAMPLED = 2**13
"""Bytes from which an encoding other than UTF-8 is inferred."""


def read_lines(path: Path) -> Iterator[str]:
    """The lines of `path` with their ends. Text that is not UTF-8 is decoded as what `charset-normalizer` infers.

    Bytes that do not fit the encoding become U+FFFD; byte order marks, which joined files have in the middle, are left
    out. Raises `DataError` naming the line when the file is damaged, ends early, or holds a line above `MAX_LINE`.
    """
    num_lines = num_characters = 0
    try:
        with (
            open_unpacked(path) as content,
            io.TextIOWrapper(io.BufferedReader(content), _encoding(content.head), "replace") as text,
        ):
            while line := text.readline(MAX_LINE):
                num_lines += 1
                num_characters += len(line)
                if len(line) == MAX_LINE or num_characters > MAX_CHARACTERS:
                    raise DataError(f"{path}, line {num_lines}: more text than a table of faces holds; check the file")
                yield line if line.isascii() else line.replace(_BOM, "")
    except READ_ERRORS as error:
        raise DataError(f"{path} cannot be read past line {num_lines} ({error_text(error)}): fetch it again") from error


def _encoding(head: bytes) -> str:
    """The encoding of text that begins with `head`; UTF-8 also for what is no text."""
    if head.startswith(_WIDE_BOMS) or 3 * head.count(0) > len(head):  # UTF-16 or UTF-32
        return _inferred(head[: _NUM_SAMPLED // 4 * 4])
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        lines = [line for line in head.splitlines(keepends=True) if not line.isascii()]
        return _UTF8 if 0 in head else _inferred(b"".join(lines)[:_NUM_SAMPLED])
    return _UTF8


def _inferred(sample: bytes) -> str:
    """The most likely encoding; of those as likely, that of Windows in western Europe."""
    matches = list(from_bytes(sample))
    equal = [match.encoding for match in matches if _likelihood(match) == _likelihood(matches[0])]
    return next((name for name in equal if name == _WESTERN), equal[0] if equal else _UTF8)


def _likelihood(match: CharsetMatch) -> tuple[float, float]:
    return match.chaos, match.coherence


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number, from 1, and cells of each line that is not blank; the first line decides what separates cells."""
    lines = read_lines(path)
    first = next(lines, "")
    delimiter = max(_DELIMITERS, key=lambda character: len(split_cells(first, character)))
    yield 1, split_cells(first, delimiter)
    for number, line in enumerate(lines, start=2):
        if cells := split_cells(line, delimiter):
            yield number, cells


def split_cells(line: str, delimiter: str = ",") -> list[str]:
    """The cells of one line. Each line is parsed alone, so a stray quote damages only its own row."""
    if '"' not in line:  # 20 times as fast
        return [cell.strip() for cell in line.split(delimiter)] if line.strip() else []
    csv.field_size_limit(MAX_LINE)  # the default, 131,072, ends at images of 180x180
    return [cell.strip() for cell in next(csv.reader((line,), delimiter=delimiter))]


def read_header(path: Path) -> list[str]:
    """The cells of the first line in lower case; raises `DataError` when it cannot be read."""
    return [cell.lower() for cell in next(read_rows(path))[1]]


def header_or_none(path: Path) -> list[str]:
    """Like `read_header`, but empty for a damaged file, which among others is just another file."""
    try:
        return read_header(path)
    except DataError:
        return []
