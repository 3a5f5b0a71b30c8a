"""Does an exported graph say the same as the model that it came from?

Shapes: N faces, H height, W width, C channels, K classes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from emopipe.evaluate.metrics import classification_metrics
from emopipe.export.graph import ExportGraph
from emopipe.export.runtime import Bundle
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import Faces
from emopipe.training.tensors import same_size_batches

BATCH = 64
SIDES = ((1, 1), (1, 40), (2, 3), (33, 47), (48, 48), (97, 64), (301, 200))
SHAPES = tuple((num, *sides, channels) for num in (1, 3) for sides in SIDES for channels in (1, 3, 4))
"""N, H, W, C of pictures that no data set need have, and that the graph must take."""


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
    f1_loss: dict[str, float]
    """The same for each class."""


def compare(expected: Predictions, actual: np.ndarray) -> Parity:
    """Hold probabilities (N, K) of a graph against those of torch, for the same faces in the same order."""
    same = expected.probabilities.argmax(1) == actual.argmax(1)
    loss = _f1(expected, expected.probabilities) - _f1(expected, actual)
    return Parity(
        num_faces=len(actual),
        agreement=float(same.mean()),
        max_probability_difference=float(np.abs(expected.probabilities - actual).max()),
        macro_f1_loss=float(loss.mean()),
        f1_loss=dict(zip(expected.classes, loss.tolist(), strict=True)),
    )


def in_batches(bundle: Bundle, faces: Faces) -> np.ndarray:
    """Probabilities float32 (N, K), from the pictures in their own sizes, `BATCH` of one size at a time."""
    return _collect(((rows, bundle.predict(images.numpy())) for rows, images in same_size_batches(faces, BATCH)), faces)


def one_by_one(bundle: Bundle, faces: Faces) -> np.ndarray:
    """The same from encoded pictures, one at a time: the whole path that a picture takes in use."""
    pngs = faces.frame["png"]
    return _collect(((np.array([row]), bundle.predict_encoded([png])) for row, png in enumerate(pngs)), faces)


def shapes_difference(graph: ExportGraph, predict: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest difference of a probability between `graph` in torch and `predict`, over noise of all `SHAPES`."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in SHAPES]
    with torch.inference_mode():
        expected = [graph(torch.from_numpy(images)).numpy() for images in pictures]
    pairs = zip(expected, map(predict, pictures), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def _collect(parts: Iterable[tuple[np.ndarray, np.ndarray]], faces: Faces) -> np.ndarray:
    """Row numbers and their probabilities, in the order of the faces; the parts hold each row once."""
    numbers, probabilities = [], []
    with tqdm(total=len(faces), desc="parity", unit=" faces", leave=False, disable=None) as bar:
        for rows, some in parts:
            numbers.append(rows)
            probabilities.append(some)
            bar.update(len(rows))
    found: np.ndarray = np.concatenate(probabilities)[np.argsort(np.concatenate(numbers))]
    return found


def _f1(expected: Predictions, probabilities: np.ndarray) -> np.ndarray:
    """Per class, (K,)."""
    return classification_metrics(probabilities, expected.labels).f1
