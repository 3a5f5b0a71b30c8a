"""Does an exported graph say the same as the model that it came from?

Shapes: N faces, K classes.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from emopipe.faces import Faces
from emopipe.metrics import confusion_of, precision_recall_f1
from emopipe.predictions import Predictions
from emopipe.serving.bundle import Bundle
from emopipe.tensors import same_size_batches

BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A graph held against torch, face by face."""

    num_faces: int
    agreement: float
    """Share of faces with the same most probable class."""
    max_probability_difference: float
    """Largest difference of any probability of any face."""
    macro_f1_loss: float
    """Macro-F1 of torch minus that of the graph; negative where the graph is better."""


def compare(expected: Predictions, actual: np.ndarray) -> Parity:
    """Hold probabilities (N, K) of a graph against those of torch, for the same faces in the same order."""
    same = expected.probabilities.argmax(1) == actual.argmax(1)
    return Parity(
        num_faces=len(actual),
        agreement=float(same.mean()),
        max_probability_difference=float(np.abs(expected.probabilities - actual).max()),
        macro_f1_loss=_macro_f1(expected, expected.probabilities) - _macro_f1(expected, actual),
    )


def bundle_probabilities(bundle: Bundle, faces: Faces, batch: int = BATCH) -> np.ndarray:
    """Probabilities float32 (N, K), from the pictures in their own sizes, `batch` at a time."""
    probabilities = np.zeros((len(faces), len(bundle.classes)), np.float32)
    with tqdm(total=len(faces), desc="parity", unit=" faces", leave=False, disable=None) as bar:
        for rows, images in same_size_batches(faces, batch):
            probabilities[rows] = bundle.predict(images.numpy())
            bar.update(len(rows))
    return probabilities


def _macro_f1(expected: Predictions, probabilities: np.ndarray) -> float:
    confusion = confusion_of(probabilities, expected.labels)
    return float(precision_recall_f1(confusion)[2].mean())
