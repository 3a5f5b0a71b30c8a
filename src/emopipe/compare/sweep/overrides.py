"""Overrides of params.yaml by dotted names: on parsed values, and as Hydra's words for `dvc exp run --set-param`.

https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
"""

import json
from collections.abc import Iterator
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
    return [word for name, value in overrides.items() for word in _words(params, name, value)]


def _words(params: dict[str, Any], name: str, value: Any) -> Iterator[str]:
    """A mapping is deleted first, as Hydra would merge it with the old one."""
    old = reduce(lambda section, key: section[key], name.split("."), params)
    if isinstance(old, dict) and isinstance(value, dict):
        yield f"~{name}"
    yield f"++{name}={_literal(value)}"


def _literal(value: Any) -> str:
    """JSON, but with bare keys of mappings: Hydra accepts no quoted ones."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    return json.dumps(value)
