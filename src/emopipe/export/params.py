"""The section `export` of params.yaml: selection of the model, and limits of parity."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ExportParams:
    """Selection of the exported model, and limits of parity."""

    select_by: Literal["macro_f1", "accuracy", "balanced_accuracy"]
    """Metric on validation; the model with the highest value is exported."""
    min_agreement: Annotated[float, Field(ge=0, le=1)]
    """Fraction of validation faces with the same class from ONNX and torch, below which nothing is exported."""
    max_probability_difference: Annotated[float, Field(gt=0)]
    """Largest difference of a probability between ONNX and torch, above which nothing is exported."""
    min_int8_agreement: Annotated[float, Field(ge=0, le=1)]
    """Fraction of validation faces with the same class from int8 and torch, below which int8 is left out."""
    max_int8_f1_loss: Annotated[float, Field(ge=0, le=1)]
    """Loss of macro-F1 on validation above which int8 is left out: 0.005 is half a point."""
    max_uncertain_accuracy: Annotated[float, Field(ge=0, le=1)]
    """Predictions with a probability below which at most this fraction of validation is right are uncertain."""
