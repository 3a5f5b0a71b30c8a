"""Faults of a disk, recognised in the exceptions of any library: full, over a quota, read-only, refused, busy."""

import errno
import os
from collections.abc import Iterator

REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EFBIG: "raise the limit of the size of files (ulimit -f)",
    errno.EROFS: "make it writable, or choose another place",
    errno.EACCES: "get the permission, or choose another place",
    errno.EPERM: "get the permission, or choose another place",
    errno.EBUSY: "something is mounted there or in use: unmount it, or choose another place",
    errno.EIO: "the disk fails: check the system log",
}
TEXTS = {os.strerror(number): number for number in REMEDIES} | {
    "database or disk is full": errno.ENOSPC,
    "readonly database": errno.EROFS,
    "disk I/O error": errno.EIO,
}
"""In the messages of libraries that do not raise `OSError`."""
LIBRARIES = ("_sqlite3", "mlflow", "onnx", "onnxruntime", "pyarrow", "safetensors", "sqlalchemy", "sqlite3")
"""Those that write files: in their exceptions a text or a context counts. Another one may have handled its context."""


def disk_fault(error: BaseException) -> str:
    """The fault of a disk behind an exception, with its remedy, in one line; empty if it is another fault."""
    for cause in _causes(error):
        if number := _number(cause):
            path = getattr(cause, "filename", None)
            place = f"{os.fsdecode(path)}: " if isinstance(path, str | bytes | os.PathLike) else ""
            return f"{place}{os.strerror(number)}: {REMEDIES[number]}, then run the command again"
    return ""


def _number(error: BaseException) -> int:
    if isinstance(error, OSError) and error.errno in REMEDIES:
        return 0 if str(error.filename).startswith("/dev/") else error.errno
    return next((number for text, number in TEXTS.items() if _writes(error) and text in str(error)), 0)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (error.__context__ if _writes(error) else None)


def _writes(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in LIBRARIES
