"""The Python interface: `emopipe.load()` gives a model, and `model(image)` its faces.

Shapes: H, W height and width of an image, N images, K classes.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.faces.decode import FILE_FORMATS, decode_image, pixels_of
from emopipe.faces.png import encode_png
from emopipe.inference.choice import default_model
from emopipe.inference.model import open_recogniser
from emopipe.inference.overlay import draw_faces
from emopipe.inference.recogniser import Face, Recogniser, whole_image
from emopipe.inference.results import MAX_PIXELS

Picture = str | Path | bytes | np.ndarray | Image.Image
"""Path of an image, its encoded bytes, uint8 (H, W), (H, W, 1) or RGB (H, W, 3), or an image of Pillow."""
SHOWN_SIDE = 640
"""Of a picture in a notebook, in pixels."""


@dataclass(frozen=True, eq=False)
class Prediction(Sequence[Face]):
    """The faces of an image, highest detector score first; in a notebook, the image with a table."""

    image: np.ndarray = field(repr=False)
    """uint8 RGB (H, W, 3)."""
    faces: list[Face]
    classes: tuple[str, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.faces[index]

    def __len__(self) -> int:
        return len(self.faces)

    def annotated(self) -> np.ndarray:
        """The image with boxes, labels and probabilities, uint8 RGB (H, W, 3)."""
        return draw_faces(self.image, self.faces, self.classes)

    def to_dicts(self) -> list[dict[str, Any]]:
        """`label`, `box` (left, top, right, bottom, in pixels), `score` and `probabilities` by class, of each face."""
        return [
            {
                "label": face.label,
                "box": [round(edge, 1) for edge in face.box],
                "score": face.score,
                "probabilities": dict(zip(self.classes, face.probabilities.tolist(), strict=True)),
            }
            for face in self.faces
        ]

    def _repr_html_(self) -> str:
        image = self.annotated()
        scale = min(1.0, SHOWN_SIDE / max(image.shape[:2]))
        if scale < 1:
            size = tuple(max(round(side * scale), 1) for side in (image.shape[1], image.shape[0]))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        uri = f"data:image/png;base64,{base64.b64encode(encode_png(image)).decode('ascii')}"
        cells = "".join(f"<th>{escape(name)}</th>" for name in self.classes)
        rows = "".join(
            f"<tr><td><b>{escape(face.label)}</b></td>"
            + "".join(f"<td>{probability:.0%}</td>" for probability in face.probabilities.tolist())
            + "</tr>"
            for face in self.faces
        )
        table = f"<table><tr><th>label</th>{cells}</tr>{rows}</table>" if self.faces else "<p>no face</p>"
        return f'<img src="{uri}" alt="{len(self.faces)} faces">{table}'


class Model:
    """An exported model with a face detector; `classes` are the names of its K outputs."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser, self.classes = recogniser, recogniser.classes

    def __call__(self, image: Picture) -> Prediction:
        """Find and classify the faces of an image. Raises `DataError` if it is not an image."""
        pixels = _rgb(image)
        return Prediction(pixels, self._recogniser.recognise(pixels), self.classes)

    def probabilities(self, crops: Iterable[Picture]) -> np.ndarray:
        """float32 (N, K) of N images that show one face each, without the detector."""
        faces = self._recogniser.classify([whole_image(self._grey(_rgb(crop))) for crop in crops])
        return np.array([face.probabilities for face in faces], np.float32).reshape(-1, len(self.classes))

    def evaluate(self, crops: Iterable[Picture], labels: Sequence[str], *, resamples: int = 1000) -> dict[str, Any]:
        """Metrics on images that show one face each: accuracy, macro-F1, their 95 % intervals, confusion, and others.

        labels: the class of each. It needs the extra `pipeline`. Raises `DataError` for a label that is no class.
        """
        from emopipe.evaluate.metrics import evaluate_split

        if unknown := sorted(set(labels) - set(self.classes)):
            raise DataError(f"the labels {', '.join(unknown)} are no classes of the model: {', '.join(self.classes)}")
        probabilities = self.probabilities(crops)
        if len(labels) != len(probabilities):
            raise DataError(f"{len(probabilities)} images but {len(labels)} labels")
        truth = np.array([self.classes.index(label) for label in labels])
        return evaluate_split(probabilities, truth, self.classes, resamples=resamples, seed=0)

    def _grey(self, pixels: np.ndarray) -> np.ndarray:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None] if self._recogniser.channels == 1 else pixels


def load(
    model: str | Path | None = None, *, longest: int = 640, uncertain_below: float | None = None, threads: int = 0
) -> Model:
    """Open a model: a folder such as `exports`, `released`, `models:/emopipe@champion`, or a server's address.

    model: None for the one that `emopipe predict` uses here. longest: longer side of the detector's input, in pixels.
    uncertain_below: top probability below which a face is `uncertain`; None for the model's own. threads: 0 for all
    cores. Raises `ModelError` if there is no model.
    """
    name = default_model(Path()).name if model is None else str(model)
    return Model(
        open_recogniser(name, yunet=None, longest=longest, uncertain_below=uncertain_below, num_threads=threads)
    )


def _rgb(image: Picture) -> np.ndarray:
    """uint8 RGB (H, W, 3)."""
    if isinstance(image, str | Path):
        path = Path(image)
        try:
            image = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or 'not readable'}") from error
    if isinstance(image, bytes):
        return decode_image(image, channels=3, max_pixels=MAX_PIXELS, formats=FILE_FORMATS)
    if isinstance(image, Image.Image):
        return pixels_of(image, channels=3)
    if not isinstance(image, np.ndarray):
        raise DataError(f"expected a path, bytes, an array or an image of Pillow, got {type(image).__name__}")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise DataError(f"expected an image uint8 (H, W), (H, W, 1) or (H, W, 3), got {image.dtype} {image.shape}")
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else np.ascontiguousarray(image)
