"""The section `train` of params.yaml: the recipe, initial weights, and sources of soft targets."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED
from emopipe.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class FileParams:
    """A file that DVC does not track; with its hash as a parameter, other content makes the stage run again."""

    file: str
    """Path from the root of the project."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Hash of the content."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TeacherParams(FileParams):
    """A teacher's predictions of the training faces, as `emopipe distill` writes them (Hinton et al. 2015)."""

    weight: Annotated[float, Field(gt=0, le=1)]
    """Fraction of each target that comes from the teacher; the rest comes from the label."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TrainParams(TrainConfig):
    """The recipe, initial weights, and sources of soft targets."""

    pretrained: dict[str, Literal["hub"] | FileParams]
    """Initial weights of models that do not start from scratch: `hub` for those of timm, or a safetensors file."""
    vote_weight: Annotated[float, Field(ge=0, le=1)]
    """Fraction of each target that comes from the votes of annotators, if a face has any; the rest is the label."""
    teacher: TeacherParams | None
    """Predictions that all models learn from; null for none."""
