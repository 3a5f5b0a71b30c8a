"""From a picture to its faces and what they show: detect, crop, classify, and follow from frame to frame.

Shapes: H, W height and width of a picture, S side of a crop, C channels of the model, N faces, K classes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from emopipe.export.runtime import Bundle
from emopipe.inference.tracker import Tracker
from emopipe.vision.crops import FaceCrop, crop_faces
from emopipe.vision.detector import Detector

UNCERTAIN = "uncertain"


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face, and what it shows."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels of the picture."""
    score: float
    """How sure the detector is that this is a face, in 0 to 1."""
    probabilities: np.ndarray
    """float32 (K,), in the order of the model's classes."""
    id: int | None = None
    """The same in all frames of a video in which this face was followed; from 1."""


class Recogniser:
    """A model with a detector.

    classes: names of the K classes. channels: C of the pictures that the model takes.
    """

    def __init__(self, bundle: Bundle, detector: Detector, *, uncertain_below: float) -> None:
        """`uncertain_below`: a face whose most probable class has less is called uncertain."""
        self._bundle, self._detector, self._uncertain_below = bundle, detector, uncertain_below
        self.classes, self.channels, self.model_files = bundle.classes, bundle.channels, bundle.files

    def recognise(self, image: np.ndarray) -> list[Face]:
        """The faces of uint8 RGB (H, W, 3), the surest first."""
        crops = self.detect(image)
        return self.read(crops, self.classify([crop.pixels for crop in crops]))

    def detect(self, image: np.ndarray) -> list[FaceCrop]:
        """The faces of uint8 RGB (H, W, 3) cut out as the model takes them, (S, S, C), the surest first."""
        return [
            replace(crop, pixels=_with_channels(crop.pixels, self.channels))
            for crop in crop_faces(image, self._detector)
        ]

    def read(self, crops: Sequence[FaceCrop], probabilities: np.ndarray) -> list[Face]:
        """Join crops with what they show, float32 (N, K)."""
        return [
            Face(box=crop.box, score=crop.score, probabilities=shown)
            for crop, shown in zip(crops, probabilities, strict=True)
        ]

    def classify(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        """What faces show that are cut out already, uint8 (S, S, C) of any sizes: float32 (N, K).

        Those of one size go through the model together.
        """
        rows_of: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for row, crop in enumerate(crops):
            rows_of[crop.shape].append(row)
        probabilities = np.zeros((len(crops), len(self.classes)), np.float32)
        for rows in rows_of.values():
            probabilities[rows] = self._bundle.predict(np.stack([crops[row] for row in rows]))
        return probabilities

    def label(self, face: Face) -> str:
        """The most probable class, or `UNCERTAIN`."""
        best = int(face.probabilities.argmax())
        return self.classes[best] if face.probabilities[best] >= self._uncertain_below else UNCERTAIN


class Follower:
    """A recogniser for the frames of one video, in their order: faces keep their ids, and flicker less."""

    def __init__(self, recogniser: Recogniser) -> None:
        """The video begins."""
        self._recogniser, self._tracker = recogniser, Tracker()

    def recognise(self, image: np.ndarray, seconds: float) -> list[Face]:
        """The faces of the next frame, uint8 RGB (H, W, 3), `seconds` after the start; in the order of their ids."""
        faces = self._recogniser.recognise(image)
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        followed = self._tracker.update(boxes, np.array([face.probabilities for face in faces]), seconds)
        named = (
            replace(face, id=number, probabilities=smoothed)
            for face, (number, smoothed) in zip(faces, followed, strict=True)
        )
        return sorted(named, key=lambda face: face.id or 0)


def _with_channels(crop: np.ndarray, channels: int) -> np.ndarray:
    """RGB as the model takes it: grey (S, S, 1), or as it is."""
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[:, :, None] if channels == 1 else crop
