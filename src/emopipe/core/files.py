"""Reading and writing artefacts; every write is atomic."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import DataError

T = TypeVar("T")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; NaN is refused, because JSON has none."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return _read(path, lambda: json.loads(path.read_text(encoding="utf-8")))


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its row index."""
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write an Arrow table; the same table gives the same bytes."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=4096)


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder of files, by their paths inside it; what the folder held before is gone."""
    with atomic_path(path) as temporary:
        for name, content in contents.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def read_parquet(path: Path) -> pa.Table:
    """Read an Arrow table."""
    return _read(path, lambda: pq.read_table(path))


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a table that is to be read part by part."""
    return _read(path, lambda: pq.ParquetFile(path, pre_buffer=False))  # the buffers would hold all that was read


def _read(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: run the stage that makes it, or `dvc repro`") from error
    except (ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} is not readable ({error}): remove it and run `dvc repro`") from error
