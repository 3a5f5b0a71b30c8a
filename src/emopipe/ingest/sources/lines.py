"""Text files, plain or compressed (gzip, xz, zstd, zip, by their first bytes), line by line, and cells of CSV lines.

Only one line is in memory, however large the file unpacks.
"""

import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from emopipe.core.errors import DataError
from emopipe.ingest.sources.magic import file_kind
from emopipe.ingest.sources.read_errors import READ_ERRORS, error_text

MAX_LINE = 2**24
"""Longest line, in characters: a row of 2000x2000 pixels."""
MAX_UNPACKED = 2**36
"""Largest unpacked file, in characters; a larger one is a mistake or an attack."""

_CHUNK = 2**17


def read_lines(path: Path) -> Iterator[str]:
    """The lines of `path` with their ends, as UTF-8; bytes that are not UTF-8 become U+FFFD.

    Raises `DataError` naming the line when the file is damaged, ends early, or holds a line above `MAX_LINE`.
    """
    num_lines = num_characters = 0
    try:
        with path.open("rb") as file, io.TextIOWrapper(_unpack(path, file), "utf-8-sig", "replace") as text:
            while line := text.readline(MAX_LINE):
                num_lines += 1
                num_characters += len(line)
                if len(line) == MAX_LINE or num_characters > MAX_UNPACKED:
                    raise DataError(f"{path}, line {num_lines}: more text than a table of faces holds; check the file")
                yield line
    except READ_ERRORS as error:
        raise DataError(f"{path} cannot be read past line {num_lines} ({error_text(error)}): fetch it again") from error


def split_cells(line: str) -> list[str]:
    """The cells of one line. Each line is parsed alone, so a stray quote damages only its own row."""
    if '"' not in line:  # 20 times as fast
        return [cell.strip() for cell in line.split(",")] if line.strip() else []
    csv.field_size_limit(MAX_LINE)  # the default, 131,072, ends at images of 180x180
    return [cell.strip() for cell in next(csv.reader((line,)))]


def read_header(path: Path) -> list[str]:
    """The cells of the first line in lower case; raises `DataError` when it cannot be read."""
    return [cell.lower() for cell in split_cells(next(read_lines(path), "\n"))]


def header_or_none(path: Path) -> list[str]:
    """Like `read_header`, but empty for a damaged file, which among others is just another file."""
    try:
        return read_header(path)
    except DataError:
        return []


def _unpack(path: Path, file: IO[bytes]) -> IO[bytes] | gzip.GzipFile:
    kind = file_kind(path)
    if kind == "gzip":
        return gzip.open(file, "rb")
    if kind == "xz":
        return lzma.open(file, "rb")
    if kind == "zstd":
        return io.BufferedReader(_ZstdStream(file), _CHUNK)
    if kind == "zip":
        archive = zipfile.ZipFile(file)
        return archive.open(_single_csv(path, archive))
    return file


def _single_csv(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if name.lower().endswith(".csv") and not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise DataError(f"{path} holds {len(names)} CSV files, expected one: unpack it and name the file or folder")
    return names[0]


class _ZstdStream(io.RawIOBase):
    """Unpacks zstd frames; unlike `zstandard.open` it detects a truncated file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._unpacked:
            packed = self._frame.unused_data or self._file.read(_CHUNK)
            if not packed:
                if not self._frame.eof:
                    raise EOFError("the last frame is incomplete")
                return 0
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._unpacked = memoryview(self._frame.decompress(packed))
        size = min(len(buffer), len(self._unpacked))
        buffer[:size] = self._unpacked[:size]
        self._unpacked = self._unpacked[size:]
        return size
