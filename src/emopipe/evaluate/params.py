"""The section `evaluate` of params.yaml: the report of a model."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class EvaluateParams:
    """The report."""

    bootstrap_resamples: Annotated[int, Field(ge=100)]
    """Resamples for the 95 % intervals."""
    num_mistakes: Annotated[int, Field(ge=0)]
    """Images on the sheet of the most confident mistakes, and at most so many with Grad-CAM; 0 shows no face."""
