"""Which face of a frame is which of the frames before, and what a face has shown of late.

Shapes: N faces of a frame, M tracks, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

MIN_IOU = 0.2
"""Boxes of one face in two frames overlap by at least this: at 10 frames a second a head moves by half its width."""
MEMORY = 1.0
"""Seconds for which a face that is not found keeps its id."""
TIME_CONSTANT = 0.3
"""Seconds in which the weight of what a face showed falls to 1/e."""


@dataclass(kw_only=True)
class _Track:
    id: int
    box: np.ndarray  # (4,)
    probabilities: np.ndarray  # (K,)
    seconds: float  # when it was last seen


class Tracker:
    """Greedy by overlap. Ids count from 1 and are never given twice."""

    def __init__(self) -> None:
        """No face has been seen."""
        self._tracks: list[_Track] = []
        self._num_ids = 0

    def update(self, boxes: np.ndarray, probabilities: np.ndarray, seconds: float) -> list[tuple[int, np.ndarray]]:
        """Take the faces of the next frame: boxes (N, 4), probabilities (N, K), `seconds` since the start.

        Returns an id and smoothed probabilities (K,) per face, in their order. Smoothing is exponential in time, so
        that it does not depend on the frame rate.
        """
        self._tracks = [track for track in self._tracks if seconds - track.seconds <= MEMORY]
        known = dict(_matches(boxes, self._tracks))
        for face, (box, shown) in enumerate(zip(boxes, probabilities, strict=True)):
            if face in known:
                track = known[face]
                kept = np.float32(np.exp((track.seconds - seconds) / TIME_CONSTANT))
                track.probabilities = kept * track.probabilities + (1 - kept) * shown
                track.box, track.seconds = box, seconds
            else:
                self._num_ids += 1
                known[face] = _Track(id=self._num_ids, box=box, probabilities=shown, seconds=seconds)
                self._tracks.append(known[face])
        return [(known[face].id, known[face].probabilities) for face in range(len(boxes))]


def _matches(boxes: np.ndarray, tracks: list[_Track]) -> Iterator[tuple[int, _Track]]:
    """Pairs of a face and a track, those that overlap most first; each face and each track at most once."""
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
    common = sides.clip(0).prod(-1)
    return np.asarray(common / np.maximum(_areas(first) + _areas(second) - common, 1e-9))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(-1))
