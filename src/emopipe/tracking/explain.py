"""Why stages of the pipeline run again, by what DVC finds changed."""

from collections.abc import Collection, Mapping
from contextlib import chdir
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import networkx as nx
import yaml
from dvc.repo import Repo

from emopipe.core.errors import WorkspaceError

CODE = ("src/", "stages/")
ABSENT = ("deleted", "not in cache")
_NUM_NAMED = 5

Change = str | dict[str, dict[str, Any]]
"""As DVC puts it: `changed command`, or `changed deps` or `changed outs` with a state by path."""


@dataclass(frozen=True)
class Reason:
    """One thing that makes a stage run again."""

    text: str
    is_absence: bool = False
    """Whether nothing has changed: an out of a stage, or data, only has to be fetched or made again."""


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """A stage of dvc.yaml, and what makes it run again."""

    reasons: list[Reason]
    below: list[str]
    """Stages whose outs it takes in."""


def why(root: Path, stage: str | None = None) -> list[str]:
    """A line for each stage that `dvc repro` would run again, in its order, or one for the stage that is named.

    Raises `WorkspaceError` when there is no such stage.
    """
    found = reruns(root)
    if stage is not None and stage not in found:
        raise WorkspaceError(f"there is no stage {stage}: expected one of {', '.join(found)}")
    told: dict[str, str] = {}
    for name, rerun in found.items():
        reasons = [reason.text for reason in rerun.reasons]
        told[name] = _line(name, reasons, sorted(before for before in rerun.below if told.get(before)))
    if stage is not None:
        return [told[stage] or f"{stage} is up to date"]
    return [line for line in told.values() if line] or ["nothing runs again: all stages are up to date"]


def stale(root: Path) -> dict[str, str]:
    """Why dvc.lock is not of the code, parameters and data at `root`: reasons by stage, in the order of `dvc repro`.

    Outs and data that are only not here say nothing of that, so that it can be asked of a fresh clone.
    """
    found = {
        name: [reason.text for reason in rerun.reasons if not reason.is_absence] for name, rerun in reruns(root).items()
    }
    return {name: listed(reasons) for name, reasons in found.items() if reasons}


def reruns(root: Path) -> dict[str, Rerun]:
    """Every stage by its name, in the order of `dvc repro`."""
    with chdir(root), Repo() as repo:  # DVC names stages and files as seen from where one stands
        graph, status = repo.index.graph, repo.status()
        stages = {item.addressing: item for item in reversed(list(nx.topological_sort(graph))) if item.cmd}
        outs = {out.def_path: (item.addressing, out.hash_info.value) for item in graph for out in item.outs}
        return {
            name: Rerun(
                reasons=[
                    *(reason for change in status.get(name, []) for reason in _reasons(root, name, change, outs)),
                    *_torn(item, outs),
                ],
                below=[before.addressing for before in graph.successors(item)],
            )
            for name, item in stages.items()
        }


def listed(reasons: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(reasons) - _NUM_NAMED} more" if len(reasons) > _NUM_NAMED else ""
    return f"{'; '.join(reasons[:_NUM_NAMED])}{more}"


def differences(key: str, before: Any, now: Any) -> list[str]:
    """`train.epochs was 3, is 4`, for each value that differs below the parameter `key`."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return [f"{key} was {before!r}, is {now!r}"] if before != now else []
    names = [*before, *(name for name in now if name not in before)]
    return [reason for name in names for reason in differences(f"{key}.{name}", before.get(name), now.get(name))]


def _line(name: str, reasons: list[str], before: list[str]) -> str:
    if reasons:
        return f"{name} runs again: {listed(reasons)}"
    return f"{name} runs again if its inputs change: {', '.join(before)} may run before it" if before else ""


def _reasons(root: Path, name: str, change: Change, outs: Collection[str]) -> list[Reason]:
    if isinstance(change, str):
        return [Reason("its command was changed" if change == "changed command" else change)]
    return [
        reason
        for kind, states in change.items()
        for path, state in states.items()
        for reason in (
            [Reason(text) for text in _params(root, name, path, state)]
            if isinstance(state, dict)
            else [Reason(_file(kind, path, state), state in ABSENT and _is_made(path, outs))]
        )
    ]


def _is_made(path: str, outs: Collection[str]) -> bool:
    """Whether DVC can bring a file or folder, or what lies in it."""
    return any(out == path or out.startswith(f"{path}/") for out in outs)


def _torn(stage: Any, outs: Mapping[str, tuple[str, str | None]]) -> list[Reason]:
    """Inputs that dvc.lock has otherwise than what makes them, as a pipeline that was run in part leaves it."""
    return [
        Reason(f"data {dep.def_path} is not what {outs[dep.def_path][0]} gave")
        for dep in stage.deps
        if dep.def_path in outs and dep.hash_info.value and dep.hash_info.value != outs[dep.def_path][1]
    ]


def _params(root: Path, name: str, file: str, states: dict[str, str]) -> list[str]:
    """`train.epochs was 3, is 4`, for each parameter that DVC calls modified, new or deleted."""
    lock = _read(root / "dvc.lock").get("stages", {}).get(name, {}).get("params", {}).get(file, {})
    now = _read(root / file)
    return [
        reason
        for key, state in states.items()
        for reason in (
            differences(key, lock[key], reduce(lambda section, part: section[part], key.split("."), now))
            if state == "modified"
            else [f"{key} is {state}"]
        )
    ]


def _file(kind: str, path: str, state: str) -> str:
    """`code src/emopipe/evaluate/metrics.py is modified`, `its out build/models/cnn is deleted`."""
    what = "its out" if kind == "changed outs" else "code" if path.startswith(CODE) else "data"
    return f"{what} {path} is {state}"


def _read(path: Path) -> dict[str, Any]:
    """A YAML file, or nothing where there is none."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}
