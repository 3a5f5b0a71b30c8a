"""Predictions of a model for the faces of validation and test.

Shapes: N faces, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from emopipe.core.boundary import reading
from emopipe.core.errors import DataError
from emopipe.faces.classes import label_indices
from emopipe.faces.table import Faces, require_columns

KEYS = ("id", "split", "label")


@dataclass(frozen=True)
class Predictions:
    """Class probabilities per face.

    frame: columns id, split, label, then one float32 column per class, named by it; each row's probabilities sum to 1.
    classes: the names, in the order of the columns.
    """

    frame: pd.DataFrame
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        require_columns(self.frame.columns, [*KEYS, *self.classes])
        assert np.allclose(self.frame[list(self.classes)].sum(axis=1), 1, atol=1e-4), "probabilities sum to 1"

    def split(self, name: str) -> "Predictions":
        """Those of one split, in their order."""
        return Predictions(self.frame[self.frame["split"] == name].reset_index(drop=True), self.classes)

    @property
    def probabilities(self) -> np.ndarray:
        """(N, K)."""
        values: np.ndarray = self.frame[list(self.classes)].to_numpy(np.float64)
        return values

    @property
    def labels(self) -> np.ndarray:
        """Index of the true class, (N,)."""
        return label_indices(self.frame["label"], self.classes)


def predictions_of(faces: Faces, probabilities: np.ndarray, classes: Sequence[str]) -> Predictions:
    """Join faces with their probabilities (N, K)."""
    return _join(faces.frame, probabilities, classes)


def average(members: Sequence[Predictions]) -> Predictions:
    """The mean probabilities of several models on the same faces; raises `DataError` if faces or classes differ."""
    first = members[0]
    for other in members[1:]:
        if other.classes != first.classes or not other.frame[list(KEYS)].equals(first.frame[list(KEYS)]):
            raise DataError("the models of an ensemble differ in faces or classes: run `dvc repro`")
    return _join(first.frame, np.mean([member.probabilities for member in members], axis=0), first.classes)


def _join(keys: pd.DataFrame, probabilities: np.ndarray, classes: Sequence[str]) -> Predictions:
    columns = pd.DataFrame(probabilities.astype(np.float32), columns=list(classes))
    return Predictions(pd.concat([keys[list(KEYS)], columns], axis=1), tuple(classes))


def predictions_to_arrow(predictions: Predictions) -> pa.Table:
    """The table as stored on disk."""
    return pa.Table.from_pandas(predictions.frame, preserve_index=False).replace_schema_metadata(None)


def predictions_from_arrow(table: pa.Table) -> Predictions:
    """Inverse of `predictions_to_arrow`; the classes are the columns after the first three."""
    with reading("the table of predictions is damaged", "remove it and run `dvc repro`"):
        frame = table.to_pandas()
        return Predictions(frame, tuple(frame.columns[len(KEYS) :]))
