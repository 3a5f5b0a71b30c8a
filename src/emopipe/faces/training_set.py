"""The training set: the faces that a model trains on, their repetitions, and synthetic ones; in memory and as Arrow.

Real and repeated rows refer to a face of the clean table by its id; only synthetic rows have an image of their own.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from emopipe.core.errors import DataError
from emopipe.faces.table import Faces, check_frame, frame_to_arrow, require_columns

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
    """The rows a model trains on.

    frame: the columns of `COLUMNS` in that order, and a plain row index from 0.
    `id`: the face, or the digest of a synthetic image. `parents`: tuple of ids of the faces that a row derives from;
    empty for real rows. `origin`: one of `ORIGINS`. `op`: the operation on the parents. `seed`: of the row's own
    random generator, which reproduces `op`; 0 if nothing is random. `png`: lossless, None unless synthetic.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        check_frame(self.frame, COLUMNS, "origin", ORIGINS)
        has_parents = self.frame["parents"].map(len).to_numpy() > 0
        assert (has_parents == ~self.of("real")).all(), "real rows have no parents, all others have"
        has_image = self.frame["png"].notna().to_numpy()
        assert (has_image == self.of("synthetic")).all(), "only synthetic rows have an image"

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, origin: str) -> np.ndarray:
        """Mask of the rows with this origin, bool (number of rows,)."""
        mask: np.ndarray = self.frame["origin"].to_numpy() == origin
        return mask


def require_train_only(training_set: TrainingSet, faces: Faces) -> None:
    """Raise `DataError` unless every row derives from train faces alone, and synthetic images are new.

    Real and repeated rows must be a face of train with its label, every parent a face of train, and no synthetic
    image equal to a face of any split.
    """
    train = faces.split("train").frame
    rows = training_set.frame
    synthetic = rows[training_set.of("synthetic")]
    copied = rows[~training_set.of("synthetic")]
    unknown = set(zip(copied["id"], copied["label"], strict=True)) - set(zip(train["id"], train["label"], strict=True))
    _expect_none("real and repeated rows to be faces of train", {face for face, _ in unknown}, "correct the strategy")
    parents = set(rows["parents"].explode().dropna())
    _expect_none("parents to be faces of train", parents - set(train["id"]), "correct the strategy")
    equal = set(synthetic["id"]) & set(faces.frame["id"])
    _expect_none("synthetic pictures to differ from all faces", equal, "set validate.policy.constant_image to drop")


def _expect_none(expected: str, ids: set[str], remedy: str) -> None:
    if ids:
        raise DataError(f"expected {expected}, got {len(ids)} others ({', '.join(sorted(ids)[:3])}): {remedy}")


def training_set_to_arrow(training_set: TrainingSet) -> pa.Table:
    """The table as stored on disk."""
    frame = training_set.frame
    pngs = pa.array(frame["png"], pa.binary())
    parts = [pngs, pa.nulls(len(frame), pa.string())]
    image = pa.StructArray.from_arrays(parts, names=["bytes", "path"], mask=pngs.is_null())
    return frame_to_arrow(frame, image, SCHEMA)


def training_set_from_arrow(table: pa.Table) -> TrainingSet:
    """Inverse of `training_set_to_arrow`; raises `DataError` for other columns."""
    require_columns(table.schema.names, SCHEMA.names)
    frame = table.drop_columns(["image", "parents"]).to_pandas()
    frame["parents"] = pd.Series([tuple(ids) for ids in table["parents"].to_pylist()], dtype=object)
    frame["png"] = pd.Series([image and image["bytes"] for image in table["image"].to_pylist()], dtype=object)
    return TrainingSet(frame[list(COLUMNS)])
