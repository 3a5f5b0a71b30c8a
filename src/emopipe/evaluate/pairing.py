"""Which test faces a model was measured on, and the answers of two models to the same ones, face by face."""

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
    """A model by what it is called, and what it said of the faces of each test split that it was measured on."""

    name: str
    predictions: tuple[Predictions, ...]


def digest_of_test_faces(predictions: Predictions) -> str:
    """md5 over the ids and labels of test, sorted: 32 hex digits, equal exactly where figures can be compared."""
    test = predictions.split("test").frame
    lines = sorted(f"{face},{label}\n" for face, label in zip(test["id"], test["label"], strict=True))
    return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest()


def pair(a: ModelPredictions, b: ModelPredictions) -> tuple[Predictions, Predictions]:
    """What two models say of the same test faces: rows and classes in one order.

    Raises `DataError` where there is no test split that both were measured on, or their classes differ.
    """
    of_b = {digest_of_test_faces(predictions): predictions for predictions in b.predictions}
    for first in a.predictions:
        second = of_b.get(digest_of_test_faces(first))
        if second is not None:
            return _sorted(first, first.classes), _sorted(second, _same_classes(a.name, b.name, first, second))
    raise DataError(f"{_test_of(a)}, but {_test_of(b)}: {REMEDY}")


def _sorted(predictions: Predictions, classes: Sequence[str]) -> Predictions:
    """Of test alone; faces that are there twice stand in one order too, as their pictures are the same."""
    frame = predictions.frame[predictions.frame["split"] == "test"]
    ordered = frame.sort_values(["id", "label"], kind="stable", ignore_index=True)
    return Predictions(ordered[[*KEYS, *classes]], tuple(classes))


def _same_classes(a: str, b: str, first: Predictions, second: Predictions) -> tuple[str, ...]:
    if set(first.classes) != set(second.classes):
        raise DataError(
            f"{a} knows the classes {', '.join(first.classes)}, but {b} knows {', '.join(second.classes)}: "
            "only models of the same classes can be compared"
        )
    return first.classes


def _test_of(model: ModelPredictions) -> str:
    tests = [
        f"{(predictions.frame['split'] == 'test').sum():,} test faces ({digest_of_test_faces(predictions)[:8]})"
        for predictions in model.predictions
    ]
    return f"{model.name} was measured on {' and '.join(tests)}"
