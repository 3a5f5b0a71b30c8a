"""Changes of params.yaml that keep its comments."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emopipe.core.params import Params

Change = tuple[str, Any, Any]
"""Path of a parameter, its value, and the new one."""


def changed_params(params: Path, changes: Sequence[Change], *, name: str) -> "Params":
    """The parameters with `changes`, which are not written. Raises `ParamsError` about `name` if they are not valid."""
    from emopipe.core.params import parse_params
    from emopipe.core.yaml_text import load_yaml

    values = load_yaml(params.read_text(encoding="utf-8"))
    for change in changes:
        _set(values, change)
    return parse_params(values, name=name, trainable=True)


def write_changes(params: Path, changes: Sequence[Change]) -> None:
    """Write `changes`, which are valid, into the file."""
    from dvc.utils.serialize import modify_yaml

    if changes:
        with modify_yaml(str(params)) as document:
            for change in changes:
                _set(document, change)


def _set(values: Any, change: Change) -> None:
    path, _, new = change
    *parents, name = path.split(".")
    for parent in parents:
        values = values[parent]
    if isinstance(new, list) and isinstance(values[name], list):  # keeps its form, on one line or several
        values[name].clear()
        values[name].extend(new)
    else:
        values[name] = new
