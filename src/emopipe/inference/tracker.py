"""Greedy IoU tracker with exponential smoothing of the class probabilities.

Shapes: N faces of a frame, M tracks, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MIN_IOU = 0.2
"""Smallest overlap of one face in two frames: at 10 frames per second a head moves by up to half its width."""
MEMORY = 1.0
"""Seconds after which an undetected face loses its track."""
TIME_CONSTANT = 0.3
"""Of the smoothing, in seconds."""


@dataclass(kw_only=True)
class _Track:
    id: int
    box: np.ndarray  # (4,)
    probabilities: np.ndarray  # (K,)
    seconds: float  # of the last detection


class Tracker:
    """Assigns ids to faces, from 1; no id is used twice."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._num_ids = 0

    def update(self, boxes: np.ndarray, probabilities: np.ndarray, seconds: float) -> list[tuple[int, np.ndarray]]:
        """Add a frame with boxes (N, 4) and probabilities (N, K), `seconds` after the start.

        Returns the id and the smoothed probabilities (K,) of each face, in their order. Smoothing is exponential in
        time, so it does not depend on the frame rate.
        """
        self._tracks = [track for track in self._tracks if seconds - track.seconds <= MEMORY]
        matches = dict(_matches(boxes, self._tracks))
        for face, (box, observed) in enumerate(zip(boxes, probabilities, strict=True)):
            if face in matches:
                track = matches[face]
                decay = np.float32(np.exp((track.seconds - seconds) / TIME_CONSTANT))
                track.probabilities = decay * track.probabilities + (1 - decay) * observed
                track.box, track.seconds = box, seconds
            else:
                self._num_ids += 1
                matches[face] = _Track(id=self._num_ids, box=box, probabilities=observed, seconds=seconds)
                self._tracks.append(matches[face])
        return [(matches[face].id, matches[face].probabilities) for face in range(len(boxes))]


def _matches(boxes: np.ndarray, tracks: list[_Track]) -> Iterator[tuple[int, _Track]]:
    """Pairs of a face and a track, largest overlap first; each face and each track at most once."""
    if not len(boxes) or not tracks:
        return
    overlap = iou(boxes, np.stack([track.box for track in tracks]))  # (N, M)
    while overlap.max() >= MIN_IOU:
        face, track = np.unravel_index(overlap.argmax(), overlap.shape)
        yield int(face), tracks[track]
        overlap[face, :] = overlap[:, track] = 0


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) with boxes (M, 4): (N, M), in 0 to 1."""
    first, second = boxes[:, None], others[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])  # (N, M, 2)
    intersection = sides.clip(0).prod(-1)
    areas, other_areas = ((edges[..., 2:] - edges[..., :2]).prod(-1) for edges in (first, second))
    return np.asarray(intersection / np.maximum(areas + other_areas - intersection, 1e-9))
