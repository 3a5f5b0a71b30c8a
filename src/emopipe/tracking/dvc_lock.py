"""The stages that dvc.lock records, and the dependencies between them."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from emopipe.core.errors import WorkspaceError
from emopipe.core.state import StageRecord, StageState, param_name

LOCK = "dvc.lock"


@lru_cache(maxsize=256)
def read_lock(text: str) -> Mapping[str, StageRecord]:
    """The stages of a dvc.lock by name, in its order; raises `WorkspaceError` if it is not readable."""
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import parse_yaml  # reads 1e-05 as DVC wrote it; for PyYAML it is text

    try:
        stages = (parse_yaml(text, LOCK) or {}).get("stages", {})
        return MappingProxyType({name: _record(name, entry) for name, entry in stages.items()})
    except (DvcException, AttributeError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{LOCK} is not readable ({error}): take it from git, or run `dvc repro`") from error


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
