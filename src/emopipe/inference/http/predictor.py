"""Predictions for batches of uploads."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from emopipe.core.errors import DataError, ModelError, TooManyPixels
from emopipe.faces.decode import decode_image
from emopipe.inference.formats import face_values
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.schemas import FaceModel, Prediction
from emopipe.inference.recogniser import Recogniser, whole_image
from emopipe.vision.crops import FaceCrop

START_OF_SCAN = b"\xff\xda"


class Upload(NamedTuple):
    """An encoded image; the detector does not run if it is one face."""

    content: bytes
    is_face: bool


class _Image(NamedTuple):
    width: int
    height: int
    crops: list[FaceCrop]


class Predictor:
    """Decodes, detects and classifies, within limits; not thread-safe."""

    def __init__(self, recogniser: Recogniser, limits: Limits) -> None:
        self._recogniser, self._limits = recogniser, limits

    def predict(self, uploads: Sequence[Upload]) -> list[Prediction | DataError]:
        """The prediction or the error of each upload; the crops of all are classified together.

        If that fails, each upload is classified alone, so that one image cannot fail the requests of others.
        """
        images = [self._detect(upload) for upload in uploads]
        try:
            return self._classify(images)
        except ModelError:
            return [self._classify_alone(image) for image in images]

    def _classify(self, images: Sequence[_Image | DataError]) -> list[Prediction | DataError]:
        crops = [crop for image in images if isinstance(image, _Image) for crop in image.crops]
        classes = self._recogniser.classes
        faces = (FaceModel(**face_values(face, classes)) for face in self._recogniser.classify(crops))
        return [
            Prediction(width=image.width, height=image.height, faces=list(islice(faces, len(image.crops))))
            if isinstance(image, _Image)
            else image
            for image in images
        ]

    def _classify_alone(self, image: _Image | DataError) -> Prediction | DataError:
        try:
            return self._classify([image])[0]
        except ModelError as error:
            return DataError(str(error))

    def _detect(self, upload: Upload) -> _Image | DataError:
        limits = self._limits
        num_scans = upload.content.count(START_OF_SCAN) if upload.content.startswith(b"\xff\xd8") else 0
        if num_scans > limits.max_scans:
            return DataError(f"{num_scans} scans in a JPEG are more than the limit of {limits.max_scans}")
        channels = self._recogniser.channels if upload.is_face else 3
        try:
            image = decode_image(upload.content, channels=channels, max_pixels=limits.max_pixels)
        except DataError as error:
            return error
        if upload.is_face and (side := max(image.shape[:2])) > limits.max_side:
            return TooManyPixels(f"a side of {side} pixels is more than the limit of {limits.max_side} for a face")
        if upload.is_face:
            crops = [whole_image(image)]
        else:  # a crop is a view that keeps the whole image in memory; a copy frees it before the next one is decoded
            crops = [replace(crop, pixels=crop.pixels.copy()) for crop in self._recogniser.detect(image)]
        return _Image(image.shape[1], image.shape[0], crops)
