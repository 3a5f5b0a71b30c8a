"""What a setting changes in params.yaml: done here, and written down for DVC, which has Hydra do it.

https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import reduce
from typing import Any

from emopipe.compare.sweep.design import Overrides
from emopipe.core.errors import ParamsError


def override(params: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """A copy of the parameters in which the dotted names have new values; raises `ParamsError` for an unknown name."""
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
    """Words for `dvc exp run --set-param` that do to the file what `override` does to `params`."""
    changed = override(params, overrides)
    return [word for name in overrides for word in _words(name, _at(params, name), _at(changed, name))]


def _at(params: Mapping[str, Any], name: str) -> Any:
    return reduce(lambda section, key: section[key], name.split("."), params)


def _words(name: str, old: Any, new: Any) -> Iterator[str]:
    """A mapping in place of a mapping key by key, since Hydra would keep those of the old one."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from (f"~{name}.{key}" for key in old if key not in new)
        for key, value in new.items():
            yield from _words(f"{name}.{key}", old.get(key), value)
    else:
        yield f"++{name}={_literal(new)}"


def _literal(value: Any) -> str:
    """JSON, but for the keys of mappings: Hydra takes none with quotes."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    return json.dumps(value)
