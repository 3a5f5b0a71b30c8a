"""Why stages of the pipeline run again, by what DVC finds changed."""

from contextlib import chdir
from functools import reduce
from pathlib import Path
from typing import Any

import networkx as nx
import yaml
from dvc.repo import Repo

from emopipe.errors import WorkspaceError

CODE = ("src/", "stages/")
_NUM_NAMED = 5

Change = str | dict[str, dict[str, Any]]
"""As DVC puts it: `changed command`, or `changed deps` or `changed outs` with a state by path."""


def why(root: Path, stage: str | None = None) -> list[str]:
    """A line for each stage that `dvc repro` would run again, in its order, or one for the stage that is named.

    Raises `WorkspaceError` when there is no such stage.
    """
    with chdir(root), Repo() as repo:  # DVC names stages and files as seen from where one stands
        graph, status = repo.index.graph, repo.status()
        stages = {item.addressing: item for item in reversed(list(nx.topological_sort(graph))) if item.cmd}
        below = {name: [before.addressing for before in graph.successors(item)] for name, item in stages.items()}
    if stage is not None and stage not in stages:
        raise WorkspaceError(f"there is no stage {stage}: expected one of {', '.join(stages)}")
    told: dict[str, str] = {}
    for name in stages:
        reasons = [reason for change in status.get(name, []) for reason in _reasons(root, name, change)]
        told[name] = _line(name, reasons, sorted(before for before in below[name] if told.get(before)))
    if stage is not None:
        return [told[stage] or f"{stage} is up to date"]
    return [line for line in told.values() if line] or ["nothing runs again: all stages are up to date"]


def _line(name: str, reasons: list[str], before: list[str]) -> str:
    if reasons:
        more = f"; and {len(reasons) - _NUM_NAMED} more" if len(reasons) > _NUM_NAMED else ""
        return f"{name} runs again: {'; '.join(reasons[:_NUM_NAMED])}{more}"
    return f"{name} runs again if its inputs change: {', '.join(before)} may run before it" if before else ""


def _reasons(root: Path, name: str, change: Change) -> list[str]:
    if isinstance(change, str):
        return ["its command was changed" if change == "changed command" else change]
    return [
        reason
        for kind, states in change.items()
        for path, state in states.items()
        for reason in (_params(root, name, path, state) if isinstance(state, dict) else [_file(kind, path, state)])
    ]


def _params(root: Path, name: str, file: str, states: dict[str, str]) -> list[str]:
    """`train.epochs was 3, is 4`, for each parameter that DVC calls modified, new or deleted."""
    lock = _read(root / "dvc.lock").get("stages", {}).get(name, {}).get("params", {}).get(file, {})
    now = _read(root / file)
    return [
        reason
        for key, state in states.items()
        for reason in (
            _differences(key, lock[key], reduce(lambda section, part: section[part], key.split("."), now))
            if state == "modified"
            else [f"{key} is {state}"]
        )
    ]


def _differences(key: str, before: Any, now: Any) -> list[str]:
    if not isinstance(before, dict) or not isinstance(now, dict):
        return [f"{key} was {before!r}, is {now!r}"] if before != now else []
    names = [*before, *(name for name in now if name not in before)]
    return [reason for name in names for reason in _differences(f"{key}.{name}", before.get(name), now.get(name))]


def _file(kind: str, path: str, state: str) -> str:
    """`code src/emopipe/metrics.py is modified`, `its out build/models/cnn is deleted`."""
    what = "its out" if kind == "changed outs" else "code" if path.startswith(CODE) else "data"
    return f"{what} {path} is {state}"


def _read(path: Path) -> dict[str, Any]:
    """A YAML file, or nothing where there is none."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}
