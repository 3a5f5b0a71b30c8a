"""Presets: files in params/ with the parameters of params.yaml that a wish needs, such as a time budget."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from emopipe.cli.params_file import Change, changed_params, write_changes
from emopipe.cli.paths import PARAMS, ROOT
from emopipe.core.errors import ParamsError

PRESETS = ROOT / "params"
OPEN = frozenset({"ensembles", "ingest.split_map", "ingest.label_map", "train.pretrained", "train.overrides"})
"""Mappings with names of the user's own, which a preset replaces as a whole."""


def preset(
    name: Annotated[str | None, typer.Argument(help="A file of params/, without .yaml; else list all.")] = None,
) -> None:
    """List the presets, or write one into params.yaml."""
    if name is None:
        for path in sorted(PRESETS.glob("*.yaml")):
            print(f"{path.stem:<18} {_description(path)}")
        return
    path = PRESETS / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(path.stem for path in PRESETS.glob("*.yaml")))
        raise ParamsError(f"there is no preset {name}: expected one of {names or 'none, as params/ is empty'}")
    changes = apply_preset(path, PARAMS)
    for parameter, old, new in changes:
        print(f"{parameter}: {old} -> {new}")
    print(f"{len(changes)} parameters changed in {PARAMS}; next: emopipe run")


def apply_preset(preset: Path, params: Path) -> list[Change]:
    """Write the values of `preset` into `params`, whose comments stay; returns the changes.

    Raises `ParamsError`, and writes nothing, if the result is not valid.
    """
    from emopipe.core.params import load_params
    from emopipe.core.yaml_text import load_yaml

    load_params(params)
    values, wanted = (load_yaml(path.read_text(encoding="utf-8")) for path in (params, preset))
    changes = list(_changes(values, wanted))
    changed_params(params, changes, name=str(preset))
    write_changes(params, changes)
    return changes


def _changes(values: Any, wanted: Any, path: str = "") -> Iterator[Change]:
    for name, new in wanted.items():
        at = f"{path}.{name}" if path else name
        old = values.get(name) if isinstance(values, dict) else None
        if isinstance(new, dict) and isinstance(old, dict) and at not in OPEN:
            yield from _changes(old, new, at)
        elif old != new:
            yield at, old, new


def _description(path: Path) -> str:
    """The comment at the beginning of a preset."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)
