"""The section `export` of params.yaml: which model is exported, and what it must keep."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ExportParams:
    """Which model is exported, and what it must keep."""

    select_by: Literal["macro_f1", "accuracy", "balanced_accuracy"]
    """Figure on the validation split by which the best model is chosen."""
    min_agreement: Annotated[float, Field(ge=0, le=1)]
    """Share of validation faces on which ONNX must give the same class as torch, or nothing is exported."""
    max_probability_difference: Annotated[float, Field(gt=0)]
    """Largest difference of a probability, ONNX against torch, above which nothing is exported."""
    min_int8_agreement: Annotated[float, Field(ge=0, le=1)]
    """Share of validation faces on which int8 must give the same class, or int8 is left out."""
    max_int8_f1_loss: Annotated[float, Field(ge=0, le=1)]
    """Loss of macro-F1 on validation above which int8 is left out: 0.005 is half a point."""
