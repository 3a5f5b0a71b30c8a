"""The canonical table: one row per face, and its form as Arrow.

On disk a face is the struct `image` (bytes, path) that the `datasets` library shows as a picture; in memory its PNG
bytes and its path are two plain columns.
"""

import json
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from emopipe.core.errors import DataError

SPLITS = ("train", "val", "test")
HELD_OUT = ("val", "test")

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "label": pa.string(),
        "split": pa.string(),
        "source": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "votes": pa.list_(pa.int32()),
    }
)
METADATA_COLUMNS = ("id", "label", "split", "source", "width", "height", "votes")
"""What is known of a face beside its picture."""
COLUMNS = ("id", "png", "path", *METADATA_COLUMNS[1:])

PICTURE_NOTE = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
"""Schema metadata by which viewers of Parquet show the column `image` as pictures."""


@dataclass(frozen=True)
class Faces:
    """Faces with their labels and splits.

    frame: one row per face, the columns of `COLUMNS` in that order, and a plain row index from 0. `id` is the digest
    of the decoded pixels, so two rows with one id are the same picture; `png` is lossless; `source` names file and row;
    `votes` holds how many annotators chose each class, in the classes' order, or None where the source has no votes.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        if list(self.frame.columns) != list(COLUMNS):
            raise DataError(f"expected the columns {list(COLUMNS)}, got {list(self.frame.columns)}")
        unknown = set(self.frame["split"]) - set(SPLITS)
        if unknown:
            raise DataError(f"expected the splits {list(SPLITS)}, got also {sorted(unknown)}")
        assert self.frame.index.equals(pd.RangeIndex(len(self.frame))), "rows are numbered from 0"

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, mask: pd.Series) -> "Faces":
        """The faces for which `mask` holds, in their order."""
        return Faces(self.frame[mask].reset_index(drop=True))

    def split(self, name: str) -> "Faces":
        """The faces of one split, in their order."""
        return self.where(self.frame["split"] == name)


def faces_to_arrow(faces: Faces) -> pa.Table:
    """The table as it is kept on disk, with the note that makes viewers show `image` as a picture."""
    frame = faces.frame
    image = pa.StructArray.from_arrays(
        [pa.array(frame["png"], pa.binary()), pa.array(frame["path"], pa.string())], names=["bytes", "path"]
    )
    columns = [image if name == "image" else pa.array(frame[name], SCHEMA.field(name).type) for name in SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(PICTURE_NOTE))


def faces_from_arrow(table: pa.Table) -> Faces:
    """Read the table back; raises `DataError` when its columns are others."""
    if table.schema.names != SCHEMA.names:
        raise DataError(f"expected the columns {SCHEMA.names}, got {table.schema.names}")
    image = table["image"].combine_chunks()
    frame = table.drop_columns("image").to_pandas()
    frame["png"] = pd.Series(image.field("bytes").to_pylist(), dtype=object)
    frame["path"] = pd.Series(image.field("path").to_pylist(), dtype="str")
    return Faces(frame[list(COLUMNS)])
