"""The canonical table: one row per face, in memory and as Arrow.

On disk an image is the struct `image` (bytes, path) that the `datasets` library displays; in memory its PNG bytes and
its path are two plain columns.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from emopipe.core.boundary import reading
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
"""All columns but the image."""
COLUMNS = ("id", "png", "path", *METADATA_COLUMNS[1:])

IMAGE_METADATA = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
"""Schema metadata by which Parquet viewers display the column `image`."""


@dataclass(frozen=True)
class Faces:
    """Faces with their labels and splits.

    frame: one row per face, the columns of `COLUMNS` in that order, and a plain row index from 0. `id` is the digest
    of the decoded pixels, so two rows with one id are the same image; `png` is lossless; `source` names file and row;
    `votes` holds the number of annotators per class, in the classes' order, or None if the source has no votes.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        check_frame(self.frame, COLUMNS, "split", SPLITS)

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, mask: pd.Series) -> "Faces":
        """The faces selected by `mask`, bool (N,), in their order."""
        return Faces(self.frame[mask].reset_index(drop=True))

    def split(self, name: str) -> "Faces":
        """The faces of one split, in their order."""
        return self.where(self.frame["split"] == name)


def require_columns(found: Iterable[str], expected: Sequence[str]) -> None:
    """Raise `DataError` unless the columns are the expected ones, in order."""
    if list(found) != list(expected):
        raise DataError(f"expected the columns {list(expected)}, got {list(found)}")


def check_frame(frame: pd.DataFrame, columns: Sequence[str], column: str, values: Sequence[str]) -> None:
    """Raise `DataError` unless `frame` has these columns, and only these `values` in `column`."""
    require_columns(frame.columns, columns)
    if unknown := set(frame[column]) - set(values):
        raise DataError(f"expected the {column}s {list(values)}, got also {sorted(unknown)}")
    assert frame.index.equals(pd.RangeIndex(len(frame))), "rows are numbered from 0"


def count_faces(faces: pd.DataFrame, classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Faces by split and class, zeros included, in the order of the splits and `classes`."""
    counts = faces.groupby(["split", "label"]).size()
    return {split: {name: int(counts.get((split, name), 0)) for name in classes} for split in SPLITS}


def frame_to_arrow(frame: pd.DataFrame, image: pa.StructArray, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, with `image` among them and the metadata for viewers."""
    columns = [image if field.name == "image" else pa.array(frame[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema.with_metadata(IMAGE_METADATA))


def faces_to_arrow(faces: Faces) -> pa.Table:
    """The table as stored on disk."""
    frame = faces.frame
    parts = [pa.array(frame["png"], pa.binary()), pa.array(frame["path"], pa.string())]
    return frame_to_arrow(frame, pa.StructArray.from_arrays(parts, names=["bytes", "path"]), SCHEMA)


def faces_from_arrow(table: pa.Table) -> Faces:
    """Inverse of `faces_to_arrow`; raises `DataError` for other columns."""
    require_columns(table.schema.names, SCHEMA.names)
    with reading("the table of faces is damaged", "remove it and run `dvc repro`"):
        image = table["image"].combine_chunks()
        frame = table.drop_columns("image").to_pandas()
        frame["png"] = pd.Series(image.field("bytes").to_pylist(), dtype=object)
        frame["path"] = pd.Series(image.field("path").to_pylist(), dtype="str")
        return Faces(frame[list(COLUMNS)])
