"""File types by their first bytes."""

from pathlib import Path
from typing import Literal

FileKind = Literal["gzip", "xz", "zstd", "zip", "parquet", "arrow file", "arrow stream"]
ARROW_KINDS: tuple[FileKind, ...] = ("parquet", "arrow file", "arrow stream")

_KINDS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow file"),
    (b"\xff\xff\xff\xff", "arrow stream"),
)


def file_kind(path: Path) -> FileKind | None:
    """The type of the file at `path`; None for text and all else, and if it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(max(len(magic) for magic, _ in _KINDS))
    except OSError:
        return None
    return next((kind for magic, kind in _KINDS if head.startswith(magic)), None)
