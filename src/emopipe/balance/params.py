"""The section `balance` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

CLOSED = ConfigDict(extra="forbid")


def _check_target(value: Any) -> Any:
    """One message for all forms; pydantic gives one for each."""
    match value:
        case "max" | "mean":
            valid = True
        case float():
            valid = 0 < value <= 1
        case dict():
            valid = all(type(number) is int and number >= 1 for number in value.values())
        case _:
            valid = type(value) is int and value >= 1
    if not valid:
        raise ValueError(
            f"expected max, mean, a number of faces, a share of the largest class (0.5, 1.0) or numbers by class, "
            f"got {value!r}"
        )
    return value


Target = Annotated[Literal["max", "mean"] | int | float | dict[str, int], BeforeValidator(_check_target)]
"""Rows of each class: the size of the largest class, the mean size, a number, a share of the largest class, or numbers
by class."""
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
SpaceName = Literal["pca", "pixels", "latent"]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class GeneratorParams:
    """Training of the networks of `deepsmote`, `flow` and `space: latent`."""

    autoencoder_steps: Annotated[int, Field(ge=1)]
    """Training steps, batch size 96."""
    flow_steps: Annotated[int, Field(ge=1)]
    """Training steps, batch size 256."""
    flow_strength: Annotated[float, Field(gt=0, le=1)]
    """Share of noise from which `flow` starts: small values keep the face and its expression, 1 keeps nothing."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class SyntheticFilterParams:
    """Thresholds for synthetic faces."""

    drop: bool
    """False: rejected faces are reported and kept, except for copies."""
    max_similarity: Annotated[float, Field(gt=0, le=1)]
    """Correlation with a real face from which a synthetic face is a copy, as in validate.min_similarity."""
    range_quantile: Annotated[float, Field(ge=0, lt=0.5)]
    """Quantile of the real faces that limits sharpness, at both ends, and the distance to the nearest real face."""
    class_quantile: Annotated[float, Field(ge=0, lt=1)]
    """Quantile, over held-out real faces of the class, of the class probability that a synthetic face must reach."""
    rounds: Annotated[int, Field(ge=1, le=20)]
    """Maximum rounds of generation, the first included; later ones replace rejected faces."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class BalanceParams:
    """Composition of the training set."""

    strategy: StrategyName
    """See docs/balance.md."""
    target: Target
    """Target rows of each class; strategies that add rows never remove any, and the reverse."""
    max_added: Annotated[float, Field(ge=0, lt=1)]
    """Maximum share of repeated and synthetic rows; a target that needs more is scaled down for all classes."""
    space: SpaceName
    """Feature space of SMOTE and its variants: principal components, pixels, or the codes of an autoencoder."""
    generator: GeneratorParams
    synthetic_filter: SyntheticFilterParams
