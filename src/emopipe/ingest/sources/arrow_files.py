"""Parquet files and Arrow IPC files and streams, by their first bytes, read in record batches.

Only one batch of the requested columns is in memory, however large the file. Each batch is validated before use,
because the offsets in an Arrow file are untrusted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from emopipe.core.errors import DataError
from emopipe.ingest.sources.magic import ARROW_KINDS, file_kind
from emopipe.ingest.sources.read_errors import READ_ERRORS, error_text

_BATCH_ROWS = 64
_BUFFER = 2**20
"""Read-ahead of a Parquet column in bytes, instead of its whole row group."""
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_schema(path: Path) -> pa.Schema:
    """The columns of a file; raises `DataError` when it is damaged or of another type."""
    with _one_line_errors(path, "cannot be read"), _opened(path, None) as file:
        schema = file.schema_arrow if isinstance(file, pq.ParquetFile) else file.schema
        sorted(schema.names)  # pyarrow decodes them lazily; invalid UTF-8 should raise here
        return schema


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The named top-level columns, batch by batch; raises `DataError` naming the row when the file is damaged."""
    num_rows = 0
    batches = _batches(path, columns)
    while True:
        with _one_line_errors(path, f"cannot be read past row {num_rows}"):
            batch = next(batches, None)
            if batch is None:
                return
            batch.validate(full=True)
        yield batch
        num_rows += batch.num_rows


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _opened(path, columns) as file:
        if isinstance(file, pq.ParquetFile):
            yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns), use_threads=False)
        elif isinstance(file, pa.ipc.RecordBatchFileReader):
            yield from (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            yield from file
            _require_end_of_stream(path)


def _opened(path: Path, columns: Sequence[str] | None) -> pq.ParquetFile | pa.ipc.RecordBatchReader:
    kind = file_kind(path)
    if kind == "parquet":
        return pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)
    if kind not in ARROW_KINDS:
        raise ValueError("neither Parquet nor Arrow")
    opened = pa.ipc.open_file if kind == "arrow file" else pa.ipc.open_stream
    content = pa.memory_map(str(path))
    if columns is None:
        return opened(content)
    schema = opened(content).schema
    content.seek(0)
    indices = [schema.get_field_index(name) for name in columns]
    return opened(content, options=pa.ipc.IpcReadOptions(included_fields=indices, use_threads=False))


def _require_end_of_stream(path: Path) -> None:
    """A stream truncated between two batches reads as a shorter one; only its last bytes differ."""
    with path.open("rb") as file:
        file.seek(-len(_END_OF_STREAM), 2)
        if file.read() != _END_OF_STREAM:
            raise EOFError("the end of the stream is missing")


@contextmanager
def _one_line_errors(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except READ_ERRORS as error:
        raise DataError(f"{path} {what} ({error_text(error)}): fetch it again") from error
