"""Parity of an exported graph with the torch model.

Shapes: N faces, H height, W width, C channels, K classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from emopipe.evaluate.metrics import classification_metrics
from emopipe.export.graph import ExportGraph
from emopipe.export.runtime import Bundle
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import Faces
from emopipe.training.predict import predict_in_batches

BATCH = 64
SIDES = ((1, 1), (1, 40), (2, 3), (33, 47), (48, 48), (97, 64), (301, 200))
SHAPES = tuple((num, *sides, channels) for num in (1, 3) for sides in SIDES for channels in (1, 3, 4))
"""N, H, W, C of inputs that the graph must accept, whatever the data set."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Differences between a graph and torch, on the same faces."""

    num_faces: int
    agreement: float
    """Fraction of faces with the same most probable class."""
    max_probability_difference: float
    """Largest difference of a probability."""
    macro_f1_loss: float
    """Macro-F1 of torch minus that of the graph; negative if the graph is better."""
    f1_loss: dict[str, float]
    """The same for the F1 of each class."""


def compare(expected: Predictions, actual: np.ndarray) -> Parity:
    """Compare probabilities (N, K) of a graph with those of torch, for the same faces in the same order."""
    same = expected.probabilities.argmax(1) == actual.argmax(1)
    loss = _f1(expected, expected.probabilities) - _f1(expected, actual)
    return Parity(
        num_faces=len(actual),
        agreement=float(same.mean()),
        max_probability_difference=float(probability_differences(expected.probabilities, actual).max()),
        macro_f1_loss=float(loss.mean()),
        f1_loss=dict(zip(expected.classes, loss.tolist(), strict=True)),
    )


def probability_differences(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """The largest difference of a probability for each face, (N,), of (N, K); a NaN differs by 1."""
    differences: np.ndarray = np.nan_to_num(np.abs(expected - actual), nan=1.0).max(1)
    return differences


def in_batches(bundle: Bundle, faces: Faces) -> np.ndarray:
    """Probabilities float32 (N, K) of decoded faces, at most `BATCH` of one size at a time."""
    return predict_in_batches(bundle.predict, faces, len(bundle.classes), batch_size=BATCH)


def one_by_one(bundle: Bundle, faces: Faces) -> np.ndarray:
    """Probabilities float32 (N, K) of encoded faces, one at a time, as in use."""
    pngs = tqdm(faces.frame["png"], desc="parity", unit=" faces", leave=False, disable=None)
    return np.concatenate([bundle.predict_encoded([png]) for png in pngs])


def shapes_difference(graph: ExportGraph, predict: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest difference of a probability between `graph` in torch and `predict`, over noise of all `SHAPES`."""
    rng = np.random.default_rng(0)
    inputs = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in SHAPES]
    with torch.inference_mode():
        expected = [graph(torch.from_numpy(images)).numpy() for images in inputs]
    pairs = zip(expected, map(predict, inputs), strict=True)
    return max(float(probability_differences(ours, theirs).max()) for ours, theirs in pairs)


def _f1(expected: Predictions, probabilities: np.ndarray) -> np.ndarray:
    """Per class, (K,)."""
    return classification_metrics(probabilities, expected.labels).f1
