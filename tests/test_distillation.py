import numpy as np
import pandas as pd
import pytest

from emopipe.core.errors import DataError
from emopipe.faces.predictions import Predictions, average
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.distillation import soft_targets, teacher_predictions, vote_targets
from face_tables import faces_of

CLASSES = ("happy", "sad")
HAPPY = np.array([[1, 0]], np.float32)


def predictions(*probabilities, ids=("a", "b"), classes=CLASSES):
    """Predictions for the faces `ids`, given as probabilities of the first class."""
    frame = pd.DataFrame({"id": ids, "split": "train", "label": "happy"})
    frame[classes[0]] = np.array(probabilities, np.float32)
    frame[classes[1]] = 1 - frame[classes[0]]
    return Predictions(frame, classes)


def test_targets_blend_labels_with_the_predictions_of_the_teacher():
    targets = soft_targets(
        ["b", "a", "made"], np.eye(2, dtype=np.float32)[[1, 0, 1]], CLASSES, predictions(0.5, 0.25), 0.8
    )
    assert targets == pytest.approx(np.array([[0.2, 0.8], [0.6, 0.4], [0.0, 1.0]]))


def test_a_teacher_with_other_faces_or_classes_is_refused():
    with pytest.raises(DataError, match=r"^train.teacher has none of the training faces: make it from this data"):
        soft_targets(["c"], HAPPY, CLASSES, predictions(0.5, 0.25), 0.8)
    with pytest.raises(DataError, match=r"^train.teacher has the classes \['x', 'y'\], expected \['happy', 'sad'\]$"):
        soft_targets(["a"], HAPPY, CLASSES, predictions(0.5, 0.25, classes=("x", "y")), 0.8)


def test_models_of_a_teacher_must_have_the_same_classes():
    models = [TrainedModel(classifier=None, classes=classes, training={}) for classes in (CLASSES, CLASSES[::-1])]
    with pytest.raises(DataError, match=r"^the models of a teacher differ in classes: run `dvc repro`$"):
        teacher_predictions(models, None)


def test_an_ensemble_averages_probabilities():
    mean = average([predictions(0.5, 0.25), predictions(0.1, 0.75)])
    assert mean.probabilities == pytest.approx(np.array([[0.3, 0.7], [0.5, 0.5]]))
    assert list(mean.frame["id"]) == ["a", "b"]


def test_members_of_an_ensemble_must_have_the_same_faces():
    with pytest.raises(DataError, match=r"^the models of an ensemble differ in faces or classes: "):
        average([predictions(0.5, 0.25), predictions(0.1, 0.75, ids=("a", "c"))])


def test_targets_blend_labels_with_votes():
    faces = faces_of("train happy A", "train sad B", "train sad C")
    faces.frame["votes"] = [[3, 1], None, [0, 0]]
    hard = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    targets = vote_targets([*faces.frame["id"], "made"], hard, faces, 0.5)
    assert targets == pytest.approx(np.array([[0.875, 0.125], [0, 1], [0, 1], [1, 0]]))


def test_a_vote_weight_without_votes_is_refused():
    faces = faces_of("train happy A")
    with pytest.raises(DataError, match=r"^train.vote_weight is above 0, and no training face has votes: set it to 0$"):
        vote_targets(list(faces.frame["id"]), HAPPY, faces, 1.0)
