"""Overrides of params.yaml by dotted names: on parsed values, and as Hydra's words for `dvc exp run --set-param`.

https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
"""

import json
from copy import deepcopy
from functools import reduce
from typing import Any

from emopipe.compare.sweep.design import Overrides
from emopipe.core.errors import ParamsError


def override(params: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """A copy of the parameters with new values; raises `ParamsError` for an unknown name."""
    changed = deepcopy(params)
    for name, value in overrides.items():
        *path, last = name.split(".")
        try:
            section = reduce(lambda section, key: section[key], path, changed)
            section[last]
        except (KeyError, TypeError) as error:
            raise ParamsError(f"{name} is not in params.yaml: expected the dotted name of a value there") from error
        section[last] = value
    return changed


def hydra_overrides(params: dict[str, Any], overrides: Overrides) -> list[str]:
    """Words that change params.yaml as `override` changes `params`."""
    words = []
    for name, value in overrides.items():
        old = reduce(lambda section, key: section[key], name.split("."), params)
        if isinstance(old, dict) and isinstance(value, dict):
            words.append(f"~{name}")  # Hydra would merge the new mapping with the old one
        words.append(f"++{name}={_literal(value)}")
    return words


def _literal(value: Any) -> str:
    """JSON, but with bare keys of mappings: Hydra accepts no quoted ones."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    return json.dumps(value)
