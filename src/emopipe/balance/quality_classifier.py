"""Classifier for the quality of synthetic faces: a small network on HOG features, trained on real train faces.

HOG features instead of a convolutional network: training takes seconds on all of FER2013, with an accuracy near that of
such a network after its first epochs.

Shapes: N train faces, M others, S side, C channels, F features, E embedding, K classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from emopipe.vision.hog import describe

EMBEDDING_WIDTH = 64
EPOCHS = 12
HELD_OUT = 5
"""1 of 5 faces of each class is held out, for the metrics of real faces."""


@dataclass(frozen=True, kw_only=True)
class QualityClassifier:
    """Class probabilities with a uniform class prior."""

    classes: tuple[str, ...]
    network: MLPClassifier
    scaler: StandardScaler
    held_out: dict[str, np.ndarray]
    """Probabilities of the held-out faces by class, float (n, K); n may be 0."""

    def probabilities(self, images: Iterable[np.ndarray]) -> np.ndarray:
        """Of images uint8 (S, S, C), float (M, K)."""
        probabilities: np.ndarray = self.network.predict_proba(self.scaler.transform(_features(images)))
        return probabilities

    def accuracy(self, label: str, probabilities: np.ndarray) -> float | None:
        """Share of the faces with probabilities (M, K) that are predicted as `label`; None for no faces."""
        is_label = probabilities.argmax(1) == self.classes.index(label)
        return float(is_label.mean()) if len(is_label) else None

    def embed(self, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Hidden layer, float (M, E), of images uint8 (S, S, C)."""
        if not len(images):
            return np.zeros((0, EMBEDDING_WIDTH))
        weights, biases = self.network.coefs_[0], self.network.intercepts_[0]
        hidden: np.ndarray = np.maximum(self.scaler.transform(_features(images)) @ weights + biases, 0)
        return hidden


def train_quality_classifier(images: np.ndarray, labels: np.ndarray, *, seed: int) -> QualityClassifier:
    """Train on uint8 (N, S, S, C) with class names (N,); deterministic given the seed."""
    features, rng = _features(images), np.random.default_rng(seed)
    names, classes = np.unique(labels, return_inverse=True)
    shuffled = [rng.permutation(np.flatnonzero(classes == k)) for k in range(len(names))]
    held_out = np.sort(np.concatenate([rows[: len(rows) // HELD_OUT] for rows in shuffled]))
    rows = np.setdiff1d(np.arange(len(labels)), held_out)
    scaler = StandardScaler().fit(features[rows])
    network = MLPClassifier(EMBEDDING_WIDTH, batch_size=min(256, len(rows)), alpha=5.0, random_state=seed)
    weights = compute_sample_weight("balanced", classes[rows])
    scaled = scaler.transform(features[rows])
    for _ in range(EPOCHS):  # fit() would warn that it did not converge
        order = rng.permutation(len(rows))
        network.partial_fit(
            scaled[order], classes[rows][order], classes=np.arange(len(names)), sample_weight=weights[order]
        )
    probabilities = np.zeros((0, len(names)))
    if len(held_out):
        probabilities = network.predict_proba(scaler.transform(features[held_out]))
    return QualityClassifier(
        classes=tuple(names.tolist()),
        network=network,
        scaler=scaler,
        held_out={name: probabilities[classes[held_out] == k] for k, name in enumerate(names.tolist())},
    )


def _features(images: Iterable[np.ndarray]) -> np.ndarray:
    return describe(images).astype(np.float32)
