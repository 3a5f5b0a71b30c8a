"""From a trained model to its probabilities.

Shapes: N faces, H height, W width, C channels, K classes.
"""

import numpy as np
import torch
from tqdm import tqdm

from emopipe.faces.table import Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.tensors import same_size_batches

BATCH = 256


def predict_faces(model: TrainedModel, faces: Faces, *, device: str) -> np.ndarray:
    """Probabilities float32 (N, K), from the pictures in their own sizes."""
    classifier = model.classifier.to(device)
    probabilities = np.zeros((len(faces), len(model.classes)), np.float32)
    with tqdm(total=len(faces), desc="predict", unit=" faces", leave=False, disable=None) as bar:
        for rows, images in same_size_batches(faces, BATCH):
            probabilities[rows] = classifier.predict(images.to(device)).cpu().numpy()
            bar.update(len(rows))
    return probabilities


def best_device() -> str:
    """The GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
