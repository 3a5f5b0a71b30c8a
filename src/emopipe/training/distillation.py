"""Soft targets: what annotators' votes, or a teacher, say of the training faces.

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


def teach(models: Sequence[TrainedModel], clean: Faces) -> Predictions:
    """The mean probabilities that `models`, which name the same classes, give the training faces."""
    if len({model.classes for model in models}) > 1:
        raise DataError("the models of a teacher name different classes: run `dvc repro`")
    faces = clean.split("train")
    device = best_device()
    mean = np.mean([predict_faces(model, faces, device=device) for model in models], axis=0)
    return predictions_of(faces, mean, models[0].classes)


def vote_targets(ids: Sequence[str], targets: np.ndarray, faces: Faces, weight: float) -> np.ndarray:
    """Move a share `weight` of each row of `targets`, float32 (N, K), to the shares of annotators' votes.

    A row without votes for a class, such as a synthetic face, keeps its target. Barsoum et al. 2016, "Training Deep
    Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution". Raises `DataError` where none of
    the faces has votes.
    """
    known = faces.frame.drop_duplicates("id").set_index("id")["votes"].dropna()
    votes = pd.Series(list(ids)).map(known)
    counts = np.array([row if isinstance(row, np.ndarray | list) else np.zeros(targets.shape[1]) for row in votes])
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.any():
        raise DataError("train.vote_weight is above 0, and no training face has votes: set it to 0")
    shares = counts / np.maximum(totals, 1)
    return np.where(totals > 0, (1 - weight) * targets + weight * shares, targets).astype(np.float32)


def soft_targets(
    ids: Sequence[str], targets: np.ndarray, classes: Sequence[str], teacher: Predictions, weight: float
) -> np.ndarray:
    """Move a share `weight` of each row of `targets`, float32 (N, K), to the teacher's probabilities.

    A row whose id the teacher does not know, such as a synthetic face, keeps its target. Hinton et al. 2015,
    "Distilling the Knowledge in a Neural Network", at temperature 1. Raises `DataError` where the teacher knows none
    of the faces, or other classes.
    """
    if teacher.classes != tuple(classes):
        raise DataError(f"train.teacher is of the classes {list(teacher.classes)}, expected {list(classes)}")
    known = teacher.frame.drop_duplicates("id")
    places = known.set_index("id").index.get_indexer(pd.Index(ids))
    if (places < 0).all():
        raise DataError("train.teacher knows none of the training faces: make it from this data with `emopipe distill`")
    said = known[list(classes)].to_numpy(np.float32)[places]
    return np.where(places[:, None] < 0, targets, (1 - weight) * targets + weight * said).astype(np.float32)
