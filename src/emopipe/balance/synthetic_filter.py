"""Filter of synthetic faces: rejects copies, outliers, blur, noise, and faces of another class.

Fitted on train faces alone. Shapes: N train faces, M synthetic ones, F features of a descriptor, S side, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emopipe.balance.params import SyntheticFilterParams
from emopipe.balance.quality_classifier import QualityClassifier, train_quality_classifier
from emopipe.balance.strategy import Sample, TrainFaces
from emopipe.vision.image_stats import MIRROR, measure
from emopipe.vision.near_duplicates import MIN_CANDIDATE, Pairs, confirm, details

COPY = "copy"
REASONS = {
    COPY: "near-duplicate of a real face",
    "far": "farther from every real face than real faces are from each other",
    "blurred": "less sharp than real faces",
    "noisy": "sharper than real faces",
    "other_class": "the quality classifier gives its class a lower probability than to most real faces of the class",
}
_NUM_DISTANCES = 4000
_CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class SyntheticFilter:
    """Statistics of the real faces, and the thresholds they imply."""

    faces: TrainFaces
    classifier: QualityClassifier
    centre: np.ndarray
    """Mean descriptor of the real faces and their mirror images, (F,)."""
    descriptors: np.ndarray
    """Centred unit descriptors of the real faces, float32 (N, F)."""
    max_distance: float
    sharpness_range: tuple[float, float]
    min_probability: dict[str, float]
    max_similarity: float

    def reject(self, samples: Sequence[Sample]) -> list[str | None]:
        """The reason to reject each synthetic sample, the first of `REASONS` that applies, or None."""
        images = [sample.pixels for sample in samples if sample.pixels is not None]
        labels = [sample.label for sample in samples]
        stats = measure(images)
        distances, nearest, mirrored = nearest_faces(centred(stats.descriptors, self.centre), self.descriptors)
        sharpness = stats.frame["sharpness"].to_numpy()
        classes = [self.classifier.classes.index(label) for label in labels]
        probabilities = self.classifier.probabilities(images)[np.arange(len(images)), classes]
        failed = {
            COPY: self._is_copy(images, distances, nearest, mirrored),
            "far": distances > self.max_distance,
            "blurred": sharpness < self.sharpness_range[0],
            "noisy": sharpness > self.sharpness_range[1],
            "other_class": probabilities < np.array([self.min_probability[label] for label in labels]),
        }
        return [next((reason for reason, mask in failed.items() if mask[row]), None) for row in range(len(images))]

    def _is_copy(
        self, images: Sequence[np.ndarray], distances: np.ndarray, nearest: np.ndarray, mirrored: np.ndarray
    ) -> np.ndarray:
        num_real = len(self.faces.labels)
        close = np.flatnonzero(1 - distances >= MIN_CANDIDATE)
        pairs = np.column_stack([nearest[close], num_real + close])
        duplicates = confirm(
            Pairs(pairs=pairs, mirrored=mirrored[close], similarity=1 - distances[close]),
            lambda number: details(self.faces.images[number] if number < num_real else images[number - num_real]),
            self.max_similarity,
        )
        return np.isin(num_real + np.arange(len(images)), duplicates.pairs[:, 1])


def fit_synthetic_filter(faces: TrainFaces, params: SyntheticFilterParams, *, seed: int) -> SyntheticFilter:
    """Compute the statistics of the real faces, and train the quality classifier."""
    stats = measure(faces.images)
    mean = stats.descriptors.mean(axis=0)
    centre = (mean + mean * MIRROR) / 2
    descriptors = centred(stats.descriptors, centre)
    rows = np.random.default_rng(seed).permutation(len(descriptors))[:_NUM_DISTANCES]
    distances, _, _ = nearest_faces(descriptors[rows], descriptors, exclude=rows)
    low, high = np.quantile(stats.frame["sharpness"].to_numpy(), [params.range_quantile, 1 - params.range_quantile])
    classifier = train_quality_classifier(faces.images, faces.labels, seed=seed)
    held_out = {k: classifier.held_out[label][:, k] for k, label in enumerate(classifier.classes)}
    return SyntheticFilter(
        faces=faces,
        classifier=classifier,
        centre=centre,
        descriptors=descriptors,
        max_distance=np.quantile(distances, 1 - params.range_quantile),
        sharpness_range=(low, high),
        min_probability={
            label: float(np.quantile(held_out[k], params.class_quantile)) if len(held_out[k]) else 0.0
            for k, label in enumerate(classifier.classes)
        },
        max_similarity=params.max_similarity,
    )


def centred(descriptors: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Descriptors (M, F) minus the centre (F,), at unit length."""
    shifted = descriptors - centre
    unit: np.ndarray = shifted / np.maximum(np.linalg.norm(shifted, axis=1, keepdims=True), 1e-12)
    return unit


def nearest_faces(
    queries: np.ndarray, real: np.ndarray, exclude: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest real face of each query, or its mirror image: cosine distance, row number, mirrored; (M,) each.

    queries, real: centred unit descriptors (M, F), (N, F). exclude: a row of `real` for each query to ignore, (M,).
    """
    distances, rows, mirrored = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK]
        cosines = np.stack([chunk @ real.T, (chunk * MIRROR) @ real.T])  # (2, m, N)
        if exclude is not None:
            cosines[:, np.arange(len(chunk)), exclude[start : start + _CHUNK]] = -1
        flipped = cosines[1].max(1) > cosines[0].max(1)
        best = np.where(flipped[:, None], cosines[1], cosines[0])  # (m, N)
        distances.append(1 - best.max(1))
        rows.append(best.argmax(1))
        mirrored.append(flipped)
    return np.concatenate(distances), np.concatenate(rows), np.concatenate(mirrored)
