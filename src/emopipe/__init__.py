"""Facial-emotion recognition as a reproducible pipeline on DVC and MLflow.

`emopipe.load()` opens a model for Python and notebooks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emopipe.inference.api import load as load


def __getattr__(name: str) -> Any:
    """`load`, imported when it is first used: the stages import this package as well."""
    if name == "load":
        return import_module("emopipe.inference.api").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
