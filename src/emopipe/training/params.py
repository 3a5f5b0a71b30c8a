"""The section `train` of params.yaml: the recipe, and what a training starts and learns from beside the faces."""

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED
from emopipe.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class FileParams:
    """A file that DVC does not track; its content is fixed here, so that other content makes the stage run again."""

    file: str
    """Path from the root of the project."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of its content."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TeacherParams(FileParams):
    """A teacher's predictions of the training faces, as `emopipe distill` writes them (Hinton et al. 2015)."""

    weight: Annotated[float, Field(gt=0, le=1)]
    """Share of each target that is the teacher's; the rest is the label's."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TrainParams(TrainConfig):
    """The recipe, and what a training starts and learns from beside the faces."""

    pretrained: dict[str, Literal["hub"] | FileParams]
    """Models that do not start from scratch: `hub` downloads timm's weights, a file is safetensors."""
    vote_weight: Annotated[float, Field(ge=0, le=1)]
    """Share of each target that is the annotators' votes, where a face has them; the rest is the label's."""
    teacher: TeacherParams | None
    """Whose predictions all models learn from; null for none."""

    @property
    def config(self) -> TrainConfig:
        """The recipe alone."""
        return TrainConfig(**{item.name: getattr(self, item.name) for item in fields(TrainConfig)})
