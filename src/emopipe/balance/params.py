"""The section `balance` of params.yaml: what the training set is made of."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

CLOSED = ConfigDict(extra="forbid")


def _check_target(value: Any) -> Any:
    """One message for all forms, where pydantic would give one for each."""
    forms = (
        value in ("max", "mean") if isinstance(value, str) else False,
        type(value) is int and value >= 1,
        type(value) is float and 0 < value <= 1,
        isinstance(value, dict) and all(type(number) is int and number >= 1 for number in value.values()),
    )
    if not any(forms):
        raise ValueError(
            f"expected max, mean, a number of faces, a share of the largest class (0.5, 1.0) or numbers by class, "
            f"got {value!r}"
        )
    return value


Target = Annotated[Literal["max", "mean"] | int | float | dict[str, int], BeforeValidator(_check_target)]
"""How many rows each class is to have: as many as the largest class, the mean of all, a number, a share of the largest
class, or numbers by class."""
StrategyName = Literal[
    "none",
    "oversample",
    "undersample",
    "augment",
    "morph",
    "smote",
    "borderline_smote",
    "adasyn",
    "smote_enn",
    "deepsmote",
    "flow",
]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class GeneratorParams:
    """How long the networks of `deepsmote`, `flow` and `space: latent` train; in steps, so that results are exact."""

    autoencoder_steps: Annotated[int, Field(ge=1)]
    """Of 96 faces each."""
    flow_steps: Annotated[int, Field(ge=1)]
    """Of 256 codes each."""
    flow_strength: Annotated[float, Field(gt=0, le=1)]
    """How far `flow` takes a face back to noise: little keeps the face and its expression, 1 keeps nothing."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class SyntheticFilterParams:
    """What a synthetic face must be like to be trained on."""

    drop: bool
    """False: what fails is reported and stays, but for copies."""
    max_similarity: Annotated[float, Field(gt=0, le=1)]
    """From this correlation of details with a real face it is a copy, as in validate.min_similarity."""
    range_quantile: Annotated[float, Field(ge=0, lt=0.5)]
    """It must lie within the range of the real faces, less this share at its ends: in its sharpness, and in its
    distance from the nearest real face."""
    class_quantile: Annotated[float, Field(ge=0, lt=1)]
    """A judge, trained on real faces, must hold its class for as likely as that of all but this share of the real faces
    that the judge has not seen: the rest are mislabelled, or hard to tell."""
    rounds: Annotated[int, Field(ge=1, le=20)]
    """How often rows are made in place of those that were dropped, the first time included."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class BalanceParams:
    """What the training set is made of."""

    strategy: StrategyName
    """How classes are brought to their target; docs/balance.md describes each."""
    target: Target
    """Rows that each class is to have; strategies that add lower none, and those that remove raise none."""
    max_added: Annotated[float, Field(ge=0, lt=1)]
    """Largest share of repeated and synthetic rows among all; if the target asks for more, every class gets less."""
    space: Literal["pca", "pixels", "latent"]
    """Where SMOTE and its variants interpolate: principal components, pixels, or the codes of an autoencoder."""
    generator: GeneratorParams
    """The networks that make faces."""
    synthetic_filter: SyntheticFilterParams
    """What synthetic faces must be like."""
