"""Metrics of the synthetic faces of each class, next to those of its real faces.

Shapes: n faces of a class, F features of a descriptor, E embedding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from emopipe.balance.sampling_rounds import SamplingResult
from emopipe.balance.strategy import Sample
from emopipe.balance.synthetic_filter import SyntheticFilter, centred, nearest_faces
from emopipe.vision.image_stats import measure


def quality_metrics(synthetic_filter: SyntheticFilter, result: SamplingResult) -> dict[str, dict[str, Any]]:
    """Metrics by class with synthetic faces, ready for JSON; null for too few faces.

    `num_made`, `num_kept`: synthetic faces before and after the filter. `intended_made`, `intended_kept`,
    `intended_real`: accuracy of the quality classifier on them and on held-out real faces. `nearest_kept`,
    `nearest_real`: median distance to the nearest (other) real face. `diversity_kept`, `diversity_real`: mean pairwise
    distance. `frechet`: between kept and real faces; `frechet_real`: between two halves of the real faces.
    """
    return {
        label: _class_metrics(synthetic_filter, label, _images(result.generated, label), _images(result.kept, label))
        for label in sorted({sample.label for sample in result.generated})
    }


def _images(samples: Sequence[Sample], label: str) -> list[np.ndarray]:
    return [sample.pixels for sample in samples if sample.label == label and sample.pixels is not None]


def _class_metrics(
    synthetic_filter: SyntheticFilter, label: str, made: Sequence[np.ndarray], kept: Sequence[np.ndarray]
) -> dict[str, Any]:
    faces, classifier, descriptors = synthetic_filter.faces, synthetic_filter.classifier, synthetic_filter.descriptors
    rows = faces.rows_of(label)
    kept_descriptors = centred(measure(kept).descriptors, synthetic_filter.centre)
    embeddings = classifier.embed(faces.images[rows])

    def accuracy(images: Sequence[np.ndarray]) -> float | None:
        return classifier.accuracy(label, classifier.probabilities(images)) if images else None

    metrics = {
        "intended_made": accuracy(made),
        "intended_kept": accuracy(kept),
        "intended_real": classifier.accuracy(label, classifier.held_out[label]),
        "nearest_kept": float(np.median(nearest_faces(kept_descriptors, descriptors)[0])) if kept else None,
        "nearest_real": float(np.median(nearest_faces(descriptors[rows], descriptors, exclude=rows)[0])),
        "diversity_kept": diversity(kept_descriptors),
        "diversity_real": diversity(descriptors[rows]),
        "frechet": frechet_distance(classifier.embed(kept), embeddings),
        "frechet_real": frechet_distance(embeddings[::2], embeddings[1::2]),
    }
    rounded = {name: None if value is None else round(value, 4) for name, value in metrics.items()}
    return {"num_made": len(made), "num_kept": len(kept), **rounded}


def diversity(descriptors: np.ndarray) -> float | None:
    """Mean cosine distance over all pairs of unit vectors (n, F); None for fewer than two."""
    num = len(descriptors)
    if num < 2:
        return None
    sum_of_cosines = float(np.square(descriptors.sum(axis=0)).sum()) - num
    return 1 - sum_of_cosines / (num * (num - 1))


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float | None:
    """Squared Fréchet distance between normal fits of two samples (n, E) (Heusel et al. 2017, eq. 6); None for fewer
    than two."""
    if min(len(first), len(second)) < 2:
        return None
    a, b = (np.cov(sample, rowvar=False) for sample in (first.astype(np.float64), second.astype(np.float64)))
    shift = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    return float(shift + np.trace(a) + np.trace(b) - 2 * roots)
