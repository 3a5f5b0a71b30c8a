"""The training set: which faces a model learns from, how often, and what was made up beside them; and its Arrow form.

Real and repeated rows name a face of the clean table by its id, so their pictures are stored once, there. Synthetic
rows bring their own picture.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from emopipe.core.errors import DataError
from emopipe.faces.table import PICTURE_NOTE, Faces

ORIGINS = ("real", "repeated", "synthetic")

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "parents": pa.list_(pa.string()),
        "origin": pa.string(),
        "op": pa.string(),
        "seed": pa.int64(),
        "label": pa.string(),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    }
)
COLUMNS = ("id", "parents", "origin", "op", "seed", "label", "png")


@dataclass(frozen=True)
class TrainingSet:
    """The rows a model learns from.

    frame: the columns of `COLUMNS` in that order, and a plain row index from 0.
    `id`: the face, or the digest of a synthetic picture. `parents`: tuple of ids of the faces that a row was made from;
    empty for real rows. `origin`: one of `ORIGINS`. `op`: what was done to the parents. `seed`: of the row's own
    random generator, with which `op` can be done again; 0 where nothing was drawn. `png`: lossless, None unless
    synthetic.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        if list(self.frame.columns) != list(COLUMNS):
            raise DataError(f"expected the columns {list(COLUMNS)}, got {list(self.frame.columns)}")
        unknown = set(self.frame["origin"]) - set(ORIGINS)
        if unknown:
            raise DataError(f"expected the origins {list(ORIGINS)}, got also {sorted(unknown)}")
        assert self.frame.index.equals(pd.RangeIndex(len(self.frame))), "rows are numbered from 0"
        has_parents = self.frame["parents"].map(len).to_numpy() > 0
        assert (has_parents == ~self.of("real")).all(), "real rows have no parents, all others have"
        assert (self.frame["png"].notna().to_numpy() == self.of("synthetic")).all(), (
            "only synthetic rows have a picture"
        )

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, origin: str) -> np.ndarray:
        """Which rows have this origin: bool (number of rows,)."""
        mask: np.ndarray = self.frame["origin"].to_numpy() == origin
        return mask


def require_train_only(training_set: TrainingSet, faces: Faces) -> None:
    """Raise `DataError` unless every row comes from train faces alone and is new where it says so.

    Real and repeated rows must be a face of train with its label, every parent a face of train, and no synthetic
    picture equal to a face of any split.
    """
    train = faces.split("train").frame
    rows = training_set.frame
    made = rows[training_set.of("synthetic")]
    named = rows[~training_set.of("synthetic")]
    strangers = set(zip(named["id"], named["label"], strict=True)) - set(zip(train["id"], train["label"], strict=True))
    _expect_none("real and repeated rows to be faces of train", {face for face, _ in strangers}, "correct the strategy")
    parents = set(rows["parents"].explode().dropna())
    _expect_none("parents to be faces of train", parents - set(train["id"]), "correct the strategy")
    equal = set(made["id"]) & set(faces.frame["id"])
    _expect_none("synthetic pictures to differ from all faces", equal, "set validate.policy.constant_image to drop")


def _expect_none(expected: str, ids: set[str], remedy: str) -> None:
    if ids:
        raise DataError(f"expected {expected}, got {len(ids)} others ({', '.join(sorted(ids)[:3])}): {remedy}")


def training_set_to_arrow(training_set: TrainingSet) -> pa.Table:
    """The table as it is kept on disk, with the note that makes viewers show `image` as a picture."""
    frame = training_set.frame
    pngs = pa.array(frame["png"], pa.binary())
    image = pa.StructArray.from_arrays(
        [pngs, pa.nulls(len(frame), pa.string())], names=["bytes", "path"], mask=pngs.is_null()
    )
    columns = [image if name == "image" else pa.array(frame[name], SCHEMA.field(name).type) for name in SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=SCHEMA.with_metadata(PICTURE_NOTE))


def training_set_from_arrow(table: pa.Table) -> TrainingSet:
    """Read the table back; raises `DataError` when its columns are others."""
    if table.schema.names != SCHEMA.names:
        raise DataError(f"expected the columns {SCHEMA.names}, got {table.schema.names}")
    frame = table.drop_columns(["image", "parents"]).to_pandas()
    frame["parents"] = pd.Series([tuple(ids) for ids in table["parents"].to_pylist()], dtype=object)
    pictures = table["image"].to_pylist()
    frame["png"] = pd.Series([picture and picture["bytes"] for picture in pictures], dtype=object)
    return TrainingSet(frame[list(COLUMNS)])
