"""The fast detector: YuNet (Wu, Peng, Yu 2023), from a file of the user's, run by OpenCV.

Shapes: H, W height and width of the image, N faces.
"""

from pathlib import Path

import cv2
import numpy as np

from emopipe.core.errors import ModelError
from emopipe.vision.detector import MAX_OVERLAP, MIN_SCORE, Detections, scale_for
from emopipe.vision.weights import read_weights

DIGESTS = {
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4": "face_detection_yunet_2023mar.onnx",
    "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0": "face_detection_yunet_2026may.onnx",
}
"""sha256 of the files in OpenCV's model zoo: the same weights; the second declares dynamic input sizes, which OpenCV 5
requires."""


class YuNet:
    """`cv2.FaceDetectorYN` behind the interface of the other detectors."""

    def __init__(self, weights: Path, *, longest: int, min_score: float = MIN_SCORE) -> None:
        """Images are reduced to a longer side of at most `longest` pixels.

        Raises `ModelError` when `weights` is not one of `DIGESTS`, or this OpenCV cannot run it.
        """
        self._longest = longest
        content = np.frombuffer(read_weights(weights, DIGESTS), np.uint8)
        nothing = np.empty(0, np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create("onnx", content, nothing, (64, 64), min_score, MAX_OVERLAP)
            self.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            others = " or ".join(DIGESTS.values())
            raise ModelError(f"OpenCV {cv2.__version__} does not run {weights}: take another of {others}") from error

    def detect(self, image: np.ndarray) -> Detections:
        """Detect the faces of uint8 RGB (H, W, 3)."""
        height, width = image.shape[:2]
        scale = scale_for(height, width, self._longest)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        self._net.setInputSize(size)
        _, rows = self._net.detect(cv2.cvtColor(shrunk, cv2.COLOR_RGB2BGR))
        rows = np.zeros((0, 15), np.float32) if rows is None else rows  # left, top, width, height, ..., score
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1) / np.float32(scale)
        return Detections(boxes=boxes.clip(0, np.array([width, height] * 2, np.float32)), scores=rows[:, 14])
