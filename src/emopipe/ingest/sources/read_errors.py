"""Exceptions of the libraries that read files, and their text on one line."""

import lzma
import struct
import tarfile
import zipfile
import zlib

import pyarrow as pa
import zstandard

READ_ERRORS: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zstandard.ZstdError,
    pa.ArrowException,
)
"""What a damaged file can raise; for `except` around the opening and reading of one file only."""


def error_text(error: BaseException) -> str:
    """The message of an exception on one line, its type if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
