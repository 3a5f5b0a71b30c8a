"""Soft targets from the votes of annotators, or from the predictions of a teacher.

Shapes: N training rows, K classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emopipe.core.errors import DataError
from emopipe.faces.predictions import Predictions, predictions_of
from emopipe.faces.table import Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.predict import best_device, predict_faces


def teacher_predictions(models: Sequence[TrainedModel], clean: Faces) -> Predictions:
    """Mean probabilities of `models` for the training faces; raises `DataError` if their classes differ."""
    if len({model.classes for model in models}) > 1:
        raise DataError("the models of a teacher differ in classes: run `dvc repro`")
    faces, device = clean.split("train"), best_device()
    mean = np.mean([predict_faces(model, faces, device=device) for model in models], axis=0)
    return predictions_of(faces, mean, models[0].classes)


def vote_targets(ids: Sequence[str], targets: np.ndarray, faces: Faces, weight: float) -> np.ndarray:
    """Blend `targets`, float32 (N, K), with the vote fractions of each face, by `weight`; same shape.

    Rows without votes, such as synthetic faces, keep their targets. Barsoum et al. 2016, "Training Deep Networks for
    Facial Expression Recognition with Crowd-Sourced Label Distribution". Raises `DataError` if no face has votes.
    """
    known = faces.frame.drop_duplicates("id").set_index("id")["votes"].dropna()
    votes = pd.Series(list(ids)).map(known)
    counts = np.array([row if isinstance(row, np.ndarray | list) else np.zeros(targets.shape[1]) for row in votes])
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.any():
        raise DataError("train.vote_weight is above 0, and no training face has votes: set it to 0")
    fractions = counts / np.maximum(totals, 1)
    return np.where(totals > 0, (1 - weight) * targets + weight * fractions, targets).astype(np.float32)


def soft_targets(
    ids: Sequence[str], targets: np.ndarray, classes: Sequence[str], teacher: Predictions, weight: float
) -> np.ndarray:
    """Blend `targets`, float32 (N, K), with the probabilities of the teacher, by `weight`; same shape.

    Rows whose id the teacher lacks, such as synthetic faces, keep their targets. Hinton et al. 2015, "Distilling the
    Knowledge in a Neural Network", at temperature 1. Raises `DataError` if the teacher has none of the faces, or other
    classes.
    """
    if teacher.classes != tuple(classes):
        raise DataError(f"train.teacher has the classes {list(teacher.classes)}, expected {list(classes)}")
    predictions = teacher.frame.drop_duplicates("id").set_index("id")
    rows = predictions.index.get_indexer(pd.Index(ids))
    if (rows < 0).all():
        raise DataError("train.teacher has none of the training faces: make it from this data with `emopipe distill`")
    probabilities = predictions[list(classes)].to_numpy(np.float32)[rows]
    return np.where(rows[:, None] < 0, targets, (1 - weight) * targets + weight * probabilities).astype(np.float32)
