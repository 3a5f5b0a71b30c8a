"""Reading and writing artefacts; every write is atomic. Readers raise `DataError` for a missing or broken file."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emopipe.core.atomic import atomic_path
from emopipe.core.boundary import reading
from emopipe.core.errors import DataError

T = TypeVar("T")


def read_json(path: Path) -> Any:
    return _read(path, lambda: json.loads(path.read_text(encoding="utf-8")))


def read_parquet(path: Path) -> pa.Table:
    return _read(path, lambda: pq.read_table(path))


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a table to read it in parts."""
    return _read(path, lambda: pq.ParquetFile(path, pre_buffer=False))  # buffers would keep all parts in memory


def write_bytes(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `json_bytes`."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Indented JSON; raises `ValueError` for NaN, which JSON does not have."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its row index."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write an Arrow table; equal tables give equal bytes."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=4096)


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Replace a folder by files, given by their paths in it."""
    with atomic_path(path) as temporary:
        for name, content in contents.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def _read(path: Path, read: Callable[[], T]) -> T:
    if not path.exists():
        raise DataError(f"{path} does not exist: run the stage that makes it, or `dvc repro`")
    with reading_artefact(path):
        return read()


def reading_artefact(path: Path) -> AbstractContextManager[None]:
    """`reading` for an out of a stage, also where its content is read later."""
    return reading(f"{path} is not readable", "remove it and run `dvc repro`")
