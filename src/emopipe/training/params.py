"""The section `train` of params.yaml: the recipe, initial weights, and sources of soft targets."""

from dataclasses import asdict
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED, merged
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

    pretrained: dict[str, Literal["hub", "imagenet", "released"] | FileParams]
    """Initial weights of models that do not start from scratch: `imagenet` from the package of `PACKAGES`, `released`
    for the cnn that comes with emopipe, `hub` for those that timm downloads, or a safetensors file."""
    overrides: dict[str, dict[str, Any]]
    """Other values for single models: any parameters of this section but `pretrained`, by the name of the model."""
    vote_weight: Annotated[float, Field(ge=0, le=1)]
    """Fraction of each target that comes from the votes of annotators, if a face has any; the rest is the label."""
    teacher: TeacherParams | None
    """Predictions that all models learn from; null for none."""

    def __post_init__(self) -> None:
        for model in self.overrides:
            self.for_model(model)

    def for_model(self, model: str) -> "TrainParams":
        """The recipe of one model, without overrides; raises `ValueError` for an override that does not fit."""
        changes = self.overrides.get(model, {})
        fixed = {"pretrained", "overrides"} & changes.keys()
        if fixed:
            raise ValueError(f"overrides.{model}: {fixed.pop()} cannot be overridden")
        try:
            return _adapter().validate_python(merged(asdict(self) | {"overrides": {}}, changes))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(map(str, ("overrides", model, *problem["loc"])))
            raise ValueError(f"{where}: {problem['msg']}, got {problem['input']!r}") from error


@cache
def _adapter() -> TypeAdapter[TrainParams]:
    return TypeAdapter(TrainParams)
