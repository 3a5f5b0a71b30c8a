"""File types by their first bytes."""

from pathlib import Path
from typing import Literal

FileKind = Literal["gzip", "xz", "zstd", "zip", "parquet", "arrow file", "arrow stream"]
ARROW_KINDS: tuple[FileKind, ...] = ("parquet", "arrow file", "arrow stream")

NUM_MAGIC = 6
"""First bytes that determine the type."""
_KINDS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow file"),
    (b"\xff\xff\xff\xff", "arrow stream"),
)


def kind_of(head: bytes) -> FileKind | None:
    """The type of a file that begins with `head`, None for text and all else."""
    return next((kind for magic, kind in _KINDS if head.startswith(magic)), None)


def file_kind(path: Path) -> FileKind | None:
    """The type of the file at `path`, None also if it cannot be opened."""
    try:
        with path.open("rb") as file:
            return kind_of(file.read(NUM_MAGIC))
    except OSError:
        return None
