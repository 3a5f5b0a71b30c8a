"""Facial-expression recognition: detect the faces of an image, crop them, and classify them.

Shapes: H, W height and width of an image, S side of a crop, C channels of the model, N faces, K classes.
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
MAX_BATCH_PIXELS = 2_000_000
"""Of the crops in one forward pass, which needs some 20 bytes for each pixel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """A detected face with its class probabilities."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels of the image."""
    score: float
    """Confidence of the detector, in 0 to 1."""
    label: str
    """The most probable class, or `UNCERTAIN`."""
    probabilities: np.ndarray
    """float32 (K,), in the order of the model's classes."""
    id: int | None = None
    """Track id in a video, from 1."""


class Recogniser:
    """A face detector and an expression classifier.

    classes: names of the K classes. channels: C. model_files: content of the model's files, by name.
    """

    def __init__(self, bundle: Bundle, detector: Detector, *, uncertain_below: float) -> None:
        """Faces whose top probability is below `uncertain_below` are labelled `UNCERTAIN`."""
        self._bundle, self._detector, self._uncertain_below = bundle, detector, uncertain_below
        self.classes, self.channels, self.model_files = bundle.classes, bundle.channels, bundle.files

    def recognise(self, image: np.ndarray) -> list[Face]:
        """Detect and classify the faces of uint8 RGB (H, W, 3), highest detector score first."""
        return self.classify(self.detect(image))

    def detect(self, image: np.ndarray) -> list[FaceCrop]:
        """Crops (S, S, C) of the faces of uint8 RGB (H, W, 3), highest detector score first."""
        crops = crop_faces(image, self._detector)
        if self.channels == 1:
            crops = [replace(crop, pixels=cv2.cvtColor(crop.pixels, cv2.COLOR_RGB2GRAY)[:, :, None]) for crop in crops]
        return crops

    def classify(self, crops: Sequence[FaceCrop]) -> list[Face]:
        """Classify crops (S, S, C) of any sizes, in their order; those of one size form batches."""
        rows_by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for row, crop in enumerate(crops):
            rows_by_shape[crop.pixels.shape].append(row)
        probabilities = np.zeros((len(crops), len(self.classes)), np.float32)
        for (height, width, _), rows in rows_by_shape.items():
            size = max(1, MAX_BATCH_PIXELS // (height * width))
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                probabilities[batch] = self._bundle.predict(np.stack([crops[row].pixels for row in batch]))
        return [
            Face(box=crop.box, score=crop.score, label=self.label(row), probabilities=row)
            for crop, row in zip(crops, probabilities, strict=True)
        ]

    def label(self, probabilities: np.ndarray) -> str:
        """The most probable class of (K,), or `UNCERTAIN`."""
        best = int(probabilities.argmax())
        return self.classes[best] if probabilities[best] >= self._uncertain_below else UNCERTAIN


class VideoRecogniser:
    """A recogniser for the frames of one video, in their order: it tracks faces and smooths their probabilities."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser, self._tracker = recogniser, Tracker()

    def recognise(self, image: np.ndarray, seconds: float) -> list[Face]:
        """The faces of the next frame, uint8 RGB (H, W, 3), `seconds` after the start; sorted by id."""
        faces = self._recogniser.recognise(image)
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        tracks = self._tracker.update(boxes, np.array([face.probabilities for face in faces]), seconds)
        tracked = [
            replace(face, id=track, probabilities=smoothed, label=self._recogniser.label(smoothed))
            for face, (track, smoothed) in zip(faces, tracks, strict=True)
        ]
        return sorted(tracked, key=lambda face: face.id or 0)


def whole_image(image: np.ndarray) -> FaceCrop:
    """The crop of an image (H, W, C) that shows one face only."""
    height, width = image.shape[:2]
    return FaceCrop(box=(0.0, 0.0, float(width), float(height)), score=1.0, pixels=image)
