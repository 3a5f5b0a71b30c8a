"""A table of faces on disk, read a batch at a time: what it takes in memory grows with its rows, not their pictures.

Shapes: N faces, H height, W width, C channels.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import DataError
from emopipe.core.files import open_parquet
from emopipe.faces.png import decode_png
from emopipe.faces.table import METADATA_COLUMNS, PICTURE_NOTE, SCHEMA

BATCH = 1024
"""Rows whose pictures are in memory at once."""


class FaceFile:
    """The faces of a Parquet file that `faces_to_arrow` or `face_writer` wrote.

    frame: one row per face, the columns of `METADATA_COLUMNS`, rows numbered from 0; the pictures stay in the file.
    """

    def __init__(self, path: Path) -> None:
        """Open a file; raises `DataError` when it is missing, or its columns are others."""
        self._file = open_parquet(path)
        if self._file.schema_arrow.names != SCHEMA.names:
            raise DataError(f"expected the columns {SCHEMA.names}, got {self._file.schema_arrow.names}")
        self.frame: pd.DataFrame = self._file.read(columns=list(METADATA_COLUMNS)).to_pandas()[list(METADATA_COLUMNS)]

    def __len__(self) -> int:
        return len(self.frame)

    def pictures(self) -> Iterator[np.ndarray]:
        """All pictures in the order of the rows, uint8 (H, W, C) each."""
        for batch in self._file.iter_batches(BATCH, columns=["image"]):
            yield from map(decode_png, batch["image"].field("bytes").to_pylist())

    def pngs(self, rows: Sequence[int] | np.ndarray) -> dict[int, bytes]:
        """The encoded pictures of some rows, by row number."""
        return dict(self.selected(rows))

    def selected(self, rows: Sequence[int] | np.ndarray) -> Iterator[tuple[int, bytes]]:
        """Row numbers and encoded pictures of some rows, each once, in rising order."""
        wanted = np.unique(np.asarray(rows, dtype=np.int64))
        start = 0
        for group in range(self._file.num_row_groups):
            end = start + self._file.metadata.row_group(group).num_rows
            here = wanted[(wanted >= start) & (wanted < end)]
            if len(here):
                image = self._file.read_row_group(group, columns=["image"])["image"].combine_chunks()
                pngs = image.field("bytes").take(pa.array(here - start)).to_pylist()
                yield from zip(here.tolist(), pngs, strict=True)
            start = end

    def copy(self, path: Path, kept: np.ndarray, **changed: Sequence[str]) -> None:
        """Write the rows for which `kept`, bool (N,), holds to another file, with some columns changed.

        changed: by the name of a column, its new values, one for each of the N rows.
        """
        columns = {name: pa.array(values, SCHEMA.field(name).type) for name, values in changed.items()}
        start = 0
        with face_writer(path) as writer:
            for batch in self._file.iter_batches(BATCH):
                table = pa.Table.from_batches([batch])
                for name, values in columns.items():
                    table = table.set_column(SCHEMA.names.index(name), name, values.slice(start, len(batch)))
                writer.write_table(table.filter(pa.array(kept[start : start + len(batch)])))
                start += len(batch)


@contextmanager
def face_writer(path: Path) -> Iterator[pq.ParquetWriter]:
    """What writes a table of faces part by part; the file appears, whole, when the block ends without an error."""
    schema = SCHEMA.with_metadata(PICTURE_NOTE)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer
