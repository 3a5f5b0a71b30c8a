"""The default detector: CenterFace (Xu et al. 2019, arXiv:1911.03599), whose weights are part of this package.

Shapes: H, W the image, h, w the network's output, a quarter of its input, N faces.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from emopipe.vision.detector import MAX_OVERLAP, MIN_SCORE, Detections, scale_for
from emopipe.vision.weights import read_weights

WEIGHTS = Path(__file__).with_name("centerface.onnx")
SHA256 = "b1c679d2d285fadde9df892a79e4e63abd50193a7306c16be40fc2b0fd9aebf3"
STRIDE, MULTIPLE = 4, 32  # of the output cells, and of the input sides


class CenterFace:
    """Anchor-free: a heatmap of face centres, with an offset and a log size for each."""

    def __init__(self, *, longest: int, min_score: float = MIN_SCORE, num_threads: int = 0) -> None:
        """Images are reduced to a longer side of at most `longest` pixels; `num_threads` 0 uses all cores."""
        self._longest, self._min_score = longest, min_score
        options = ort.SessionOptions()
        options.intra_op_num_threads = num_threads
        weights = read_weights(WEIGHTS, [SHA256])
        self._session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def detect(self, image: np.ndarray) -> Detections:
        """Detect the faces of uint8 RGB (H, W, 3)."""
        height, width = image.shape[:2]
        scale = scale_for(height, width, self._longest)
        outputs = self._session.run(["heatmap", "log_size", "offset"], {"image": _network_input(image, scale)})
        detections = decode(*(output[0] for output in outputs), min_score=self._min_score)
        boxes = (detections.boxes / np.float32(scale)).clip(0, np.array([width, height] * 2, np.float32))
        return Detections(boxes=boxes, scores=detections.scores)


def _network_input(image: np.ndarray, scale: float) -> np.ndarray:
    """Resize, and pad with black right and below to a multiple of 32: float32 RGB (1, 3, 4h, 4w) in 0 to 255."""
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    padded = np.zeros((-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE, 3), np.uint8)
    padded[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32)


def decode(heatmap: np.ndarray, log_size: np.ndarray, offset: np.ndarray, *, min_score: float) -> Detections:
    """Boxes in pixels of the network's input, from (1, h, w), (2, h, w) and (2, h, w); height and y come first.

    Cells with a score above `min_score`, after non-maximum suppression (IoU > `MAX_OVERLAP`).
    """
    rows, columns = np.nonzero(heatmap[0] > min_score)
    scores = heatmap[0, rows, columns]
    sizes = np.exp(log_size[:, rows, columns]) * STRIDE  # (2, N)
    centres = (np.stack([rows, columns]) + offset[:, rows, columns] + 0.5) * STRIDE  # (2, N)
    top, left = centres - sizes / 2
    corners_and_sizes = np.stack([left, top, sizes[1], sizes[0]], 1).tolist()
    kept = cv2.dnn.NMSBoxes(corners_and_sizes, scores.tolist(), min_score, MAX_OVERLAP)
    boxes = np.stack([left, top, left + sizes[1], top + sizes[0]], 1).astype(np.float32)
    order = np.asarray(kept, dtype=int)
    return Detections(boxes=boxes[order], scores=scores[order])
