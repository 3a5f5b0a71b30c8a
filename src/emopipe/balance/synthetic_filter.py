"""What a synthetic face must be like: no copy, not far from every face, neither blurred nor noise, of its class.

Only faces of train are looked at. Shapes: N train faces, M made ones, F features of a descriptor, S side, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emopipe.balance.params import SyntheticFilterParams
from emopipe.balance.quality_classifier import Judge, train_judge
from emopipe.balance.rows import Addition, TrainFaces
from emopipe.vision.image_stats import MIRROR, measure
from emopipe.vision.near_duplicates import MIN_CANDIDATE, Pairs, confirm, details

COPY = "copy"
REASONS = {
    COPY: "nearly the same picture as a real face",
    "far": "further from every real face than real faces are from each other",
    "blurred": "less sharp than real faces",
    "noisy": "sharper than real faces",
    "other_class": "the judge holds its class for less likely than that of most real faces",
}
_NUM_MEASURED = 4000
_CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What is known of the real faces."""

    faces: TrainFaces
    judge: Judge
    centre: np.ndarray
    descriptors: np.ndarray
    """Float32 (N, F), centred and of unit length."""
    distances: np.ndarray
    """From real faces to the nearest other real face."""
    sharpness: np.ndarray
    """Of the real faces, (N,)."""
    config: SyntheticFilterParams

    def reasons(self, made: Sequence[Addition]) -> list[str | None]:
        """Why each is dropped: a key of `REASONS`, the first that holds, or None where it stays."""
        pictures = [addition.pixels for addition in made if addition.pixels is not None]
        measures = measure(pictures)
        distances, nearest, mirrored = self.nearest(measures.descriptors)
        sharpness = measures.frame["sharpness"].to_numpy()
        told, limits = self.judge.probabilities(pictures), self._least_probable()
        own = np.array([row[self.judge.classes.index(item.label)] for row, item in zip(told, made, strict=True)])
        low, high = np.quantile(self.sharpness, [self.config.range_quantile, 1 - self.config.range_quantile])
        tests = {
            COPY: self._is_copy(pictures, distances, nearest, mirrored),
            "far": distances > np.quantile(self.distances, 1 - self.config.range_quantile),
            "blurred": sharpness < low,
            "noisy": sharpness > high,
            "other_class": own < np.array([limits[item.label] for item in made]),
        }
        return [next((name for name, failed in tests.items() if failed[row]), None) for row in range(len(made))]

    def nearest(self, descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of float32 (M, F), as `measure` gives them: distance to the nearest real face (1 - cosine), its row number,
        and whether its mirror image is meant; each (M,)."""
        return _nearest(_centred(descriptors, self.centre), self.descriptors)

    def centred(self, descriptors: np.ndarray) -> np.ndarray:
        """Float32 (M, F) about the centre of the real faces, of unit length."""
        return _centred(descriptors, self.centre)

    def nearest_of_real(self, rows: np.ndarray) -> np.ndarray:
        """Distance from each of the real faces `rows` (n,) to the nearest other, (n,)."""
        return _nearest(self.descriptors[rows], self.descriptors, own=rows)[0]

    def _least_probable(self) -> dict[str, float]:
        """By class: how likely the judge holds its least typical real faces to be of it."""
        own = {name: self.judge.own_probabilities(name, told) for name, told in self.judge.held_out.items()}
        share = self.config.class_quantile
        return {name: float(np.quantile(values, share)) if len(values) else 0.0 for name, values in own.items()}

    def _is_copy(
        self, pictures: Sequence[np.ndarray], distances: np.ndarray, nearest: np.ndarray, mirrored: np.ndarray
    ) -> np.ndarray:
        num_real = len(self.faces.labels)
        close = np.flatnonzero(1 - distances >= MIN_CANDIDATE)
        pairs = np.column_stack([nearest[close], num_real + close])
        proposed = Pairs(pairs=pairs, mirrored=mirrored[close], similarity=1 - distances[close])
        found = confirm(
            proposed,
            lambda number: details(self.faces.stack[number] if number < num_real else pictures[number - num_real]),
            self.config.max_similarity,
        )
        copies = np.zeros(len(pictures), bool)
        copies[found.pairs[:, 1] - num_real] = True
        return copies


def build_gate(faces: TrainFaces, config: SyntheticFilterParams, *, seed: int) -> Gate:
    """Measure the real faces, and train the judge."""
    measures = measure(faces.stack)
    centre = measures.descriptors.mean(axis=0)
    centre = (centre + centre * MIRROR) / 2
    descriptors = _centred(measures.descriptors, centre)
    sample = np.random.default_rng(seed).permutation(len(descriptors))[:_NUM_MEASURED]
    return Gate(
        faces=faces,
        judge=train_judge(faces.stack, faces.labels, seed=seed),
        centre=centre,
        descriptors=descriptors,
        distances=_nearest(descriptors[sample], descriptors, own=sample)[0],
        sharpness=measures.frame["sharpness"].to_numpy(),
        config=config,
    )


def _centred(descriptors: np.ndarray, centre: np.ndarray) -> np.ndarray:
    moved = descriptors - centre
    unit: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return unit


def _nearest(
    queries: np.ndarray, real: np.ndarray, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `Gate.nearest`; `own` is the row of each query among `real`, which does not count."""
    best, rows, mirrored = [np.zeros(0)], [np.zeros(0, np.int64)], [np.zeros(0, bool)]
    for start in range(0, len(queries), _CHUNK):
        part = queries[start : start + _CHUNK]
        cosines = np.stack([part @ real.T, (part * MIRROR) @ real.T])  # (2, m, N)
        if own is not None:
            cosines[:, np.arange(len(part)), own[start : start + _CHUNK]] = -1
        flipped = cosines[1].max(1) > cosines[0].max(1)
        chosen = np.where(flipped[:, None], cosines[1], cosines[0])  # (m, N)
        best.append(1 - chosen.max(1))
        rows.append(chosen.argmax(1))
        mirrored.append(flipped)
    return np.concatenate(best), np.concatenate(rows), np.concatenate(mirrored)
