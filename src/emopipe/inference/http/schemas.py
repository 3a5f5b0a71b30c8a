"""What the service says, as OpenAPI describes it."""

from typing import Any

from pydantic import BaseModel, Field

from emopipe.inference.formats import face_values
from emopipe.inference.http.engine import Answer
from emopipe.inference.http.uploads import CONTENT_TYPES
from emopipe.inference.recogniser import Recogniser


class FaceModel(BaseModel):
    """A face in a picture."""

    box: list[float] = Field(description="Left, top, right, bottom, in pixels of the upright picture.")
    score: float = Field(description="How sure the detector is that this is a face, 0 to 1.")
    label: str = Field(description="The most probable class, or `uncertain`.")
    probabilities: dict[str, float] = Field(description="By class; they add up to 1.")


class Prediction(BaseModel):
    """The faces of a picture, the surest first."""

    width: int
    height: int
    faces: list[FaceModel]


class Health(BaseModel):
    """The state of the service."""

    status: str
    classes: list[str]
    in_work: int


class Problem(BaseModel):
    """Why there is no answer, in one line."""

    detail: str


PREDICT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a JPEG, PNG, WebP or BMP.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in CONTENT_TYPES},
    }
}


def prediction(answer: Answer, recogniser: Recogniser) -> Prediction:
    """The answer as it is sent."""
    faces = [FaceModel.model_validate(face_values(face, recogniser)) for face in answer.faces]
    return Prediction(width=answer.width, height=answer.height, faces=faces)
