"""Which model is the best, by its figures on validation alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from emopipe.core.errors import ModelError


def best_model(reports: Mapping[str, Mapping[str, Any]], models: Sequence[str], figure: str) -> str:
    """The name with the highest `figure` on validation; between equals the one that is named first in `models`.

    Raises `ModelError` when a model has no report.
    """
    missing = [name for name in models if name not in reports]
    if missing:
        raise ModelError(f"no report of {', '.join(missing)}: run `dvc repro`")
    return max(models, key=lambda name: reports[name]["val"][figure])
