"""A model that is to be compared: where it was measured, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emopipe.evaluate.pairing import ModelPredictions


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """One of two models."""

    measured: ModelPredictions
    params: dict[str, str]
    """Dotted name to value."""
    data: dict[str, str]
    """Name of a table, such as `clean`, to DVC's hash of it."""


OTHERS = ("models", "ensembles.", "train.models", "evaluate.ensembles.")
"""Parameters that list the other models, by their present and earlier names."""


def flat_params(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """params.yaml as parsed, or as MLflow keeps it: nested values under dotted names, equal values as equal texts."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flat_params(value, f"{prefix}{name}.")
        elif not f"{prefix}{name}".startswith(OTHERS):
            flat[f"{prefix}{name}"] = _text(value)
    return flat


def _text(value: Any) -> str:
    """A number as Python writes it, be it 12 or 12.0; a list, or what MLflow shows of one, without brackets."""
    try:
        number = float(str(value))
    except ValueError:
        return str(list(value) if isinstance(value, tuple) else value).strip("()[]").removesuffix(",")
    return str(int(number)) if number.is_integer() else str(number)
