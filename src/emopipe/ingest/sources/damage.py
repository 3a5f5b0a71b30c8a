"""What the libraries that open files raise at one that is not sound, and how it is told in one line."""

import lzma
import struct
import zipfile
import zlib

import pyarrow as pa
import zstandard

DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zstandard.ZstdError,
    pa.ArrowException,
)
"""For `except` around the opening and reading of one file, and around nothing else."""


def reason_of(error: BaseException) -> str:
    """The text of an exception on one line, its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
