"""The stages that dvc.lock records, which of them dvc.yaml still defines, and the dependencies between them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emopipe.core.boundary import reading
from emopipe.core.errors import WorkspaceError
from emopipe.core.stage_names import PIPELINE, stage_names, variable_files
from emopipe.core.state import StageRecord, StageState, param_name
from emopipe.core.yaml_text import load_yaml

LOCK = "dvc.lock"
REMEDY = "take it from git, or run `rm dvc.lock; dvc repro`"
Read = Callable[[str], str]
"""The text of a file by its path from the root; empty if it is missing."""


def defined_records(read: Read) -> Mapping[str, StageRecord]:
    """The stages of dvc.lock by name that dvc.yaml and the variables of the same state define.

    DVC keeps a stage in dvc.lock after it was removed from dvc.yaml, such as the training of a model that is no longer
    listed. Raises `WorkspaceError` if a file is not readable.
    """
    pipeline = read(PIPELINE)
    return _defined(read(LOCK), pipeline, tuple((name, read(name)) for name in variable_files(pipeline)))


def workspace_records(root: Path) -> Mapping[str, StageRecord]:
    """`defined_records` of the project at `root`; without a dvc.lock there are none."""
    return defined_records(lambda name: (root / name).read_text(encoding="utf-8") if (root / name).is_file() else "")


@lru_cache(maxsize=256)
def _defined(lock: str, pipeline: str, files: tuple[tuple[str, str], ...]) -> Mapping[str, StageRecord]:
    names = stage_names(pipeline, dict(files))
    return MappingProxyType({name: record for name, record in read_lock(lock).items() if name in names})


@lru_cache(maxsize=256)
def read_lock(text: str) -> Mapping[str, StageRecord]:
    """The stages of a dvc.lock by name, in its order; raises `WorkspaceError` if it is not readable."""
    with reading(f"{LOCK} is not readable", REMEDY, WorkspaceError):
        stages = (load_yaml(text) or {}).get("stages", {})
        return MappingProxyType({name: _record(name, entry) for name, entry in stages.items()})


def check_lock(root: Path) -> None:
    """Raise `WorkspaceError` if the project has a dvc.lock that is empty or damaged, as after a full disk."""
    path = root / LOCK
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise WorkspaceError(f"{LOCK} is empty: {REMEDY}")
    read_lock(text)


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
