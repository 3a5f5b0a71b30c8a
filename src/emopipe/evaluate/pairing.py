"""The test faces of a model, and the predictions of two models on the same faces, row by row."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from emopipe.core.errors import DataError
from emopipe.faces.predictions import KEYS, Predictions

REMEDY = (
    "evaluate both on one table of faces, a registered version by `emopipe reevaluate VERSION`, another model by "
    "`dvc repro` with the same data"
)


@dataclass(frozen=True, kw_only=True)
class ModelPredictions:
    """The name of a model, and its predictions on each test split that it was evaluated on."""

    name: str
    predictions: tuple[Predictions, ...]


def digest_of_test_faces(predictions: Predictions) -> str:
    """md5 over the sorted ids and labels of test, 32 hex digits; metrics are comparable where it is equal."""
    test = predictions.split("test").frame
    lines = sorted(f"{face},{label}\n" for face, label in zip(test["id"], test["label"], strict=True))
    return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest()


def pair(a: ModelPredictions, b: ModelPredictions) -> tuple[Predictions, Predictions]:
    """Predictions of two models on the same test faces, with rows and classes in one order.

    Raises `DataError` where they have no test split in common, or their classes differ.
    """
    by_digest = {digest_of_test_faces(predictions): predictions for predictions in b.predictions}
    for first in a.predictions:
        second = by_digest.get(digest_of_test_faces(first))
        if second is None:
            continue
        if set(first.classes) != set(second.classes):
            raise DataError(
                f"{a.name} has the classes {', '.join(first.classes)}, but {b.name} has "
                f"{', '.join(second.classes)}: only models of the same classes can be compared"
            )
        return _sorted(first, first.classes), _sorted(second, first.classes)
    raise DataError(f"{_test_splits(a)}, but {_test_splits(b)}: {REMEDY}")


def _sorted(predictions: Predictions, classes: Sequence[str]) -> Predictions:
    """Rows of test by id; duplicates keep one order too, as their images are the same."""
    frame = predictions.frame[predictions.frame["split"] == "test"]
    ordered = frame.sort_values(["id", "label"], kind="stable", ignore_index=True)
    return Predictions(ordered[[*KEYS, *classes]], tuple(classes))


def _test_splits(model: ModelPredictions) -> str:
    splits = [
        f"{(predictions.frame['split'] == 'test').sum():,} test faces ({digest_of_test_faces(predictions)[:8]})"
        for predictions in model.predictions
    ]
    return f"{model.name} was evaluated on {' and '.join(splits)}"
