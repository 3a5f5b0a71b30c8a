"""Predictions of a trained model.

Shapes: N faces, H height, W width, C channels, K classes.
"""

from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from emopipe.faces.table import Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.tensors import same_size_batches

BATCH = 256


def predict_faces(model: TrainedModel, faces: Faces, *, device: str) -> np.ndarray:
    """Probabilities float32 (N, K) of faces in their own sizes."""
    classifier = model.classifier.to(device)

    def predict(images: np.ndarray) -> np.ndarray:
        return classifier.predict(torch.from_numpy(images).to(device)).cpu().numpy()

    return predict_in_batches(predict, faces, len(model.classes), batch_size=BATCH)


def predict_in_batches(
    predict: Callable[[np.ndarray], np.ndarray], faces: Faces, num_classes: int, *, batch_size: int
) -> np.ndarray:
    """Probabilities float32 (N, K), from `predict`: images uint8 (M, H, W, C) of one size to (M, K)."""
    probabilities = np.zeros((len(faces), num_classes), np.float32)
    with tqdm(total=len(faces), desc="predict", unit=" faces", leave=False, disable=None) as bar:
        for rows, images in same_size_batches(faces, batch_size):
            probabilities[rows] = predict(images)
            bar.update(len(rows))
    return probabilities


def best_device() -> str:
    """`cuda` if there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
