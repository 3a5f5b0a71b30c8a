"""The stages that dvc.lock records, which of them dvc.yaml still defines, and the dependencies between them."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache, reduce
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from emopipe.core.errors import WorkspaceError
from emopipe.core.state import StageRecord, StageState, param_name

LOCK, PIPELINE, PARAMS = "dvc.lock", "dvc.yaml", "params.yaml"
REFERENCE = re.compile(r"\$\{([\w.-]+)\}")


@lru_cache(maxsize=256)
def defined_records(lock: str, pipeline: str, params: str) -> Mapping[str, StageRecord]:
    """The stages of a dvc.lock by name that dvc.yaml and params.yaml of the same state define.

    DVC keeps a stage in dvc.lock after it was removed from dvc.yaml, such as the training of a model that is no longer
    listed. Arguments are the texts of the files. Raises `WorkspaceError` if one is not readable.
    """
    defined = stage_names(pipeline, params)
    return MappingProxyType({name: record for name, record in read_lock(lock).items() if name in defined})


def workspace_records(root: Path) -> Mapping[str, StageRecord]:
    """`defined_records` of the project at `root`; without a dvc.lock there are none."""
    paths = [root / name for name in (LOCK, PIPELINE, PARAMS)]
    return defined_records(*(path.read_text(encoding="utf-8") if path.exists() else "" for path in paths))


def stage_names(pipeline: str, params: str) -> set[str]:
    """The names of all stages, such as `train@cnn`; raises `WorkspaceError` for texts that are not YAML."""
    try:
        stages = (yaml.safe_load(pipeline) or {}).get("stages", {})
        values = yaml.safe_load(params) or {}
        return {full for name, stage in stages.items() for full in _full_names(name, stage, values)}
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise WorkspaceError(
            f"{PIPELINE} and {PARAMS} do not define the stages ({reason}): see `dvc status`"
        ) from error


def _full_names(name: str, stage: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    if "matrix" in stage:
        items = product(*(_resolved(values, params) for values in stage["matrix"].values()))
        yield from (f"{name}@{'-'.join(map(str, item))}" for item in items)
    elif "foreach" in stage:
        yield from (f"{name}@{item}" for item in _resolved(stage["foreach"], params))
    else:
        yield name


def _resolved(values: Any, params: Mapping[str, Any]) -> Any:
    """A list or mapping, or the one that `${NAME}` refers to in params.yaml; empty if there is no such parameter."""
    match = REFERENCE.fullmatch(values) if isinstance(values, str) else None
    return reduce(lambda section, key: section.get(key) or {}, match[1].split("."), params) if match else values


@lru_cache(maxsize=256)
def read_lock(text: str) -> Mapping[str, StageRecord]:
    """The stages of a dvc.lock by name, in its order; raises `WorkspaceError` if it is not readable."""
    try:
        stages = (yaml.load(text, _loader()) or {}).get("stages", {})
        return MappingProxyType({name: _record(name, entry) for name, entry in stages.items()})
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise WorkspaceError(f"{LOCK} is not readable ({reason}): take it from git, or run `dvc repro`") from error


@cache
def _loader() -> Any:
    """YAML 1.2, which DVC writes, in C: ten times as fast as DVC's parser. In PyYAML's YAML 1.1 1e-05 is a text."""
    from ruamel.yaml.resolver import implicit_resolvers

    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {"yaml_implicit_resolvers": {}})
    for versions, tag, pattern, first in implicit_resolvers:
        if (1, 2) in versions:
            loader.add_implicit_resolver(tag, pattern, first)
    return loader


def upstream(records: Mapping[str, StageRecord], last: StageRecord) -> list[StageRecord]:
    """`last` and the stages that it depends on, in the order of `records`.

    A stage whose recorded out differs from the input that was used is left out.
    """
    found, waiting = {}, [last]
    while waiting:
        inputs = waiting.pop().state.inputs
        for name, record in records.items():
            if name not in found and name != last.state.stage and produces_input_of(record.outs, inputs):
                found[name] = record
                waiting.append(record)
    return [*(record for name, record in records.items() if name in found), last]


def produces_input_of(outs: Mapping[str, str], inputs: Mapping[str, str]) -> bool:
    """Whether an out is one of the inputs, or lies in a folder that is one (whose hash cannot be compared)."""
    return any(
        inputs[path] == value if path in inputs else any(path.startswith(f"{folder}/") for folder in inputs)
        for path, value in outs.items()
    )


def _record(name: str, entry: Mapping[str, Any]) -> StageRecord:
    inputs, outs = ({item["path"]: item["md5"] for item in entry.get(kind, [])} for kind in ("deps", "outs"))
    params = {
        param_name(file, key): value
        for file, values in entry.get("params", {}).items()
        for key, value in values.items()
    }
    return StageRecord(StageState(name, params, inputs), outs)
