"""The reasons why stages of the pipeline run again, from the changes that DVC finds."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import chdir
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
from dvc.utils.serialize import parse_yaml

from emopipe.core.dvc_lock import LOCK, read_lock
from emopipe.core.dvc_project import open_project
from emopipe.core.errors import WorkspaceError
from emopipe.core.state import param_name

CODE = ("src/", "stages/")
MISSING = ("deleted", "not in cache")
NUM_NAMED = 5

Change = str | dict[str, dict[str, Any]]
"""As DVC reports it: `changed command`, or `changed deps` or `changed outs` with a state by path."""


class Reason(NamedTuple):
    """One reason to run a stage again."""

    text: str
    is_missing: bool = False
    """Whether nothing has changed: an out or data only has to be fetched or made again."""


class Rerun(NamedTuple):
    """A stage of dvc.yaml: the reasons to run it again, and the stages whose outs it reads."""

    reasons: list[Reason]
    upstream: list[str]


def explain(root: Path, stage: str | None = None) -> list[str]:
    """A line for each stage that `dvc repro` would run again, in its order, or one for the given stage.

    Raises `WorkspaceError` if there is no such stage.
    """
    stages = reruns(root)
    if stage is not None and stage not in stages:
        raise WorkspaceError(f"there is no stage {stage}: expected one of {', '.join(stages)}")
    lines: dict[str, str] = {}
    for name, (reasons, upstream) in stages.items():
        pending = sorted(before for before in upstream if before in lines)
        if reasons:
            lines[name] = f"{name} runs again: {listed([reason.text for reason in reasons])}"
        elif pending:
            lines[name] = f"{name} runs again if its inputs change: {', '.join(pending)} may run before it"
    if stage is not None:
        return [lines.get(stage, f"{stage} is up to date")]
    return list(lines.values()) or ["nothing runs again: all stages are up to date"]


def stale(stages: Mapping[str, Rerun]) -> dict[str, str]:
    """Reasons by stage, for those whose entry in dvc.lock differs from code, parameters and data.

    stages: as from `reruns`. Outs and data that are only missing are no reason, so a fresh clone can be checked.
    """
    changes = {
        name: [reason.text for reason in rerun.reasons if not reason.is_missing] for name, rerun in stages.items()
    }
    return {name: listed(reasons) for name, reasons in changes.items() if reasons}


def outdated(stages: Mapping[str, Rerun]) -> set[str]:
    """The stale stages, and those that depend on one; `stages` as from `reruns`."""
    found = set(stale(stages))
    for name, rerun in stages.items():
        if found.intersection(rerun.upstream):
            found.add(name)
    return found


def reruns(root: Path) -> dict[str, Rerun]:
    """Every stage by its name, in the order of `dvc repro`."""
    outcome = "so the stages to run are unknown"
    with (
        chdir(root),
        open_project(Path(), outcome) as repo,
    ):  # DVC names stages and files relative to the working folder
        graph, status = repo.index.graph, repo.status()
        outs = {out.def_path: (item.addressing, out.hash_info.value) for item in graph for out in item.outs}
        found = {}
        for item in reversed(list(nx.topological_sort(graph))):
            if item.cmd:
                name = item.addressing
                reasons = [one for change in status.get(name, []) for one in _reasons(root, name, change, outs)]
                upstream = [before.addressing for before in graph.successors(item)]
                found[name] = Rerun(reasons + _inconsistent(item, outs), upstream)
        return found


def listed(reasons: list[str]) -> str:
    """The first reasons, and the number of the others."""
    more = f"; and {len(reasons) - NUM_NAMED} more" if len(reasons) > NUM_NAMED else ""
    return f"{'; '.join(reasons[:NUM_NAMED])}{more}"


def differences(key: str, before: Any, now: Any) -> list[str]:
    """`train.epochs was 3, is 4`, for each value that differs below the parameter `key`."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return [f"{key} was {before!r}, is {now!r}"] if before != now else []
    names = [*before, *(name for name in now if name not in before)]
    return [reason for name in names for reason in differences(f"{key}.{name}", before.get(name), now.get(name))]


def _reasons(root: Path, name: str, change: Change, outs: Collection[str]) -> Iterator[Reason]:
    if isinstance(change, str):
        yield Reason("its command was changed" if change == "changed command" else change)
        return
    for kind, states in change.items():
        for path, state in states.items():
            if isinstance(state, dict):
                yield from (Reason(text) for text in _params(root, name, path, state))
            else:
                subject = "its out" if kind == "changed outs" else "code" if path.startswith(CODE) else "data"
                is_out = any(out == path or out.startswith(f"{path}/") for out in outs)
                yield Reason(f"{subject} {path} is {state}", state in MISSING and is_out)


def _inconsistent(stage: Any, outs: Mapping[str, tuple[str, str | None]]) -> list[Reason]:
    """Inputs whose hash in dvc.lock is not that of the out, after a part of the pipeline has run."""
    return [
        Reason(f"data {dep.def_path} is not the out of {outs[dep.def_path][0]}")
        for dep in stage.deps
        if dep.def_path in outs and dep.hash_info.value and dep.hash_info.value != outs[dep.def_path][1]
    ]


def _params(root: Path, name: str, file: str, states: dict[str, str]) -> list[str]:
    """`train.epochs was 3, is 4`, for each parameter that DVC reports as modified, new or deleted."""
    reasons: list[str] = []
    for key, state in states.items():
        if state == "modified":
            before = read_lock((root / LOCK).read_text(encoding="utf-8"))[name].state.params[param_name(file, key)]
            now = parse_yaml((root / file).read_text(encoding="utf-8"), file)
            reasons += differences(key, before, reduce(lambda section, part: section[part], key.split("."), now))
        else:
            reasons.append(f"{key} is {state}")
    return reasons
