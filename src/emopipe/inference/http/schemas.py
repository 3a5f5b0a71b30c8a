"""Responses of the service, as its OpenAPI schema describes them."""

from typing import Any

from pydantic import BaseModel, Field

from emopipe.inference.http.uploads import FORM, IMAGE_TYPES


class FaceModel(BaseModel):
    """A face in an image."""

    box: list[float] = Field(description="Left, top, right, bottom, in pixels of the upright image.")
    score: float = Field(description="Confidence of the face detector, 0 to 1.")
    label: str = Field(description="The most probable class, or `uncertain`.")
    probabilities: dict[str, float] = Field(description="Of each class; their sum is 1.")


class Prediction(BaseModel):
    """The faces of an image, highest score first."""

    width: int
    height: int
    faces: list[FaceModel]


class Health(BaseModel):
    """The state of the service."""

    status: str
    classes: list[str]
    in_work: int = Field(description="Requests in progress.")


class Problem(BaseModel):
    """An error, in one line."""

    detail: str


BINARY = {"type": "string", "format": "binary"}
PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a JPEG, PNG, WebP or BMP, or a form with one file.",
        "content": {kind: {"schema": BINARY} for kind in IMAGE_TYPES}
        | {FORM: {"schema": {"type": "object", "properties": {"image": BINARY}, "required": ["image"]}}},
    }
}
