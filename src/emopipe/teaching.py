"""Distillation: what a teacher says of the training faces, as targets for a student.

Shapes: N training rows, K classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emopipe.errors import DataError
from emopipe.faces import Faces
from emopipe.predict import best_device, predict_faces
from emopipe.predictions import Predictions, predictions_of
from emopipe.training.checkpoint import TrainedModel


def teach(models: Sequence[TrainedModel], clean: Faces) -> Predictions:
    """The mean probabilities that `models`, which name the same classes, give the training faces."""
    if len({model.classes for model in models}) > 1:
        raise DataError("the models of a teacher name different classes: run `dvc repro`")
    faces = clean.split("train")
    device = best_device()
    mean = np.mean([predict_faces(model, faces, device=device) for model in models], axis=0)
    return predictions_of(faces, mean, models[0].classes)


def soft_targets(
    ids: Sequence[str], labels: np.ndarray, classes: Sequence[str], teacher: Predictions, weight: float
) -> np.ndarray:
    """Targets float32 (N, K): a share `weight` from the teacher, the rest from the class indices `labels` (N,).

    A row whose id the teacher does not know, such as a synthetic face, keeps its label alone. Hinton et al. 2015,
    "Distilling the Knowledge in a Neural Network", at temperature 1. Raises `DataError` where the teacher knows none
    of the faces, or other classes.
    """
    if teacher.classes != tuple(classes):
        raise DataError(f"train.teacher is of the classes {list(teacher.classes)}, expected {list(classes)}")
    known = teacher.frame.drop_duplicates("id")
    places = known.set_index("id").index.get_indexer(pd.Index(ids))
    if (places < 0).all():
        raise DataError("train.teacher knows none of the training faces: make it from this data with `emopipe teach`")
    hard = np.eye(len(classes), dtype=np.float32)[labels]
    said = known[list(classes)].to_numpy(np.float32)[places]
    targets: np.ndarray = np.where(places[:, None] < 0, hard, (1 - weight) * hard + weight * said)
    return targets.astype(np.float32)
