"""A table of faces on disk, read in batches: memory grows with the rows, not with their images.

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
from emopipe.core.files import open_parquet, reading_artefact
from emopipe.faces.png import decode_png
from emopipe.faces.table import IMAGE_METADATA, METADATA_COLUMNS, SCHEMA, require_columns

BATCH = 1024
"""Rows whose images are in memory at once."""


class FaceFile:
    """A Parquet file of faces.

    frame: one row per face, numbered from 0, with the columns `METADATA_COLUMNS`; the images stay in the file.
    """

    def __init__(self, path: Path) -> None:
        """Raises `DataError` when the file is missing or has other columns."""
        self._path, self._file = path, open_parquet(path)
        require_columns(self._file.schema_arrow.names, SCHEMA.names)
        columns = list(METADATA_COLUMNS)
        with reading_artefact(path):
            self.frame: pd.DataFrame = self._file.read(columns=columns).to_pandas()[columns]

    def __len__(self) -> int:
        return len(self.frame)

    def images(self) -> Iterator[np.ndarray]:
        """All images in the order of the rows, uint8 (H, W, C) each."""
        with reading_artefact(self._path):
            for batch in self._file.iter_batches(BATCH, columns=["image"]):
                yield from map(decode_png, batch["image"].field("bytes").to_pylist())

    def pngs(self, rows: Sequence[int] | np.ndarray) -> dict[int, bytes]:
        """The encoded images of some rows, by row number."""
        return dict(self.iter_pngs(rows))

    def iter_pngs(self, rows: Sequence[int] | np.ndarray) -> Iterator[tuple[int, bytes]]:
        """Row numbers and encoded images of some rows, each once, in ascending order."""
        selected = np.unique(np.asarray(rows, dtype=np.int64))
        start = 0
        with reading_artefact(self._path):
            for group in range(self._file.num_row_groups):
                end = start + self._file.metadata.row_group(group).num_rows
                inside = selected[(selected >= start) & (selected < end)]
                if len(inside):
                    image = self._file.read_row_group(group, columns=["image"])["image"].combine_chunks()
                    pngs = image.field("bytes").take(pa.array(inside - start)).to_pylist()
                    yield from zip(inside.tolist(), pngs, strict=True)
                start = end

    def copy(self, path: Path, kept: np.ndarray, **changed: Sequence[str]) -> None:
        """Write the rows selected by `kept`, bool (N,), to another file.

        changed: new values by column, one for each of the N rows.
        """
        columns = {name: pa.array(values, SCHEMA.field(name).type) for name, values in changed.items()}
        start = 0
        with face_writer(path) as writer, reading_artefact(self._path):
            for batch in self._file.iter_batches(BATCH):
                table = pa.Table.from_batches([batch])
                for name, values in columns.items():
                    table = table.set_column(SCHEMA.names.index(name), name, values.slice(start, len(batch)))
                writer.write_table(table.filter(pa.array(kept[start : start + len(batch)])))
                start += len(batch)


@contextmanager
def face_writer(path: Path) -> Iterator[pq.ParquetWriter]:
    """Writer of a table of faces in parts; the file appears, complete, when the block ends without an error."""
    schema = SCHEMA.with_metadata(IMAGE_METADATA)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        yield writer
