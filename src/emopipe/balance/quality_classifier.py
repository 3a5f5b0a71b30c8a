"""A judge of faces: a small network over histograms of oriented gradients, trained on the real faces of train alone.

Gradients instead of a convolutional network, because all of FER2013 is described and learnt in seconds, and because
they tell expressions about as well as such a network does after its first passes.

Shapes: N train faces, M judged ones, S side, C channels, F features, E embedding, K classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from emopipe.vision.hog import describe

EMBEDDING = 64
PASSES = 12
HELD_OUT = 5
"""One in so many faces of a class is not learnt from, so that the judge itself can be judged."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """How likely faces are of each class, all classes taken as equally frequent."""

    classes: tuple[str, ...]
    network: MLPClassifier
    scaler: StandardScaler
    held_out: dict[str, np.ndarray]
    """By class: what the judge says of its real faces that it did not learn from, float (n, K); n may be 0."""

    def probabilities(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Of uint8 (S, S, C) each, float (M, K)."""
        told: np.ndarray = self.network.predict_proba(self.scaler.transform(_features(pictures)))
        return told

    def own_probabilities(self, name: str, told: np.ndarray) -> np.ndarray:
        """Of the class `name`, (M,), from what was told, (M, K)."""
        own: np.ndarray = told[:, self.classes.index(name)]
        return own

    def agreement(self, name: str, told: np.ndarray) -> float | None:
        """Share of the faces told of, (M, K), that are given the class `name`; None where there are none."""
        return float((told.argmax(1) == self.classes.index(name)).mean()) if len(told) else None

    def embed(self, pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """What the network's hidden layer holds of uint8 (S, S, C) each, float (M, E)."""
        if not len(pictures):
            return np.zeros((0, EMBEDDING))
        weights, offsets = self.network.coefs_[0], self.network.intercepts_[0]
        hidden: np.ndarray = np.maximum(self.scaler.transform(_features(pictures)) @ weights + offsets, 0)
        return hidden


def train_judge(pictures: np.ndarray, labels: np.ndarray, *, seed: int) -> Judge:
    """Train on uint8 (N, S, S, C) of the classes str (N,); the same seed gives the same judge."""
    features, rng = _features(pictures), np.random.default_rng(seed)
    classes, indices = np.unique(labels, return_inverse=True)
    shuffled = [rng.permutation(np.flatnonzero(indices == k)) for k in range(len(classes))]
    held_out = np.sort(np.concatenate([members[: len(members) // HELD_OUT] for members in shuffled]))
    learnt = np.setdiff1d(np.arange(len(labels)), held_out)
    scaler = StandardScaler().fit(features[learnt])
    network = MLPClassifier(EMBEDDING, batch_size=min(256, len(learnt)), alpha=5.0, random_state=seed)
    weights = compute_sample_weight("balanced", indices[learnt])
    scaled = scaler.transform(features[learnt])
    for _ in range(PASSES):  # fit() would warn that it did not converge
        order = rng.permutation(len(learnt))
        network.partial_fit(
            scaled[order], indices[learnt][order], classes=np.arange(len(classes)), sample_weight=weights[order]
        )
    told = network.predict_proba(scaler.transform(features[held_out])) if len(held_out) else np.zeros((0, len(classes)))
    return Judge(
        classes=tuple(classes.tolist()),
        network=network,
        scaler=scaler,
        held_out={name: told[indices[held_out] == k] for k, name in enumerate(classes.tolist())},
    )


def _features(pictures: Iterable[np.ndarray]) -> np.ndarray:
    return describe(pictures).astype(np.float32)
