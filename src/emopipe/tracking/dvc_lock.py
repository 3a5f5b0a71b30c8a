"""The stages that dvc.lock records, and which of them made what another one took in."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from emopipe.core.errors import WorkspaceError
from emopipe.core.state import StageRecord, StageState, param_name

LOCK = "dvc.lock"


@lru_cache(maxsize=256)
def read_lock(text: str) -> Mapping[str, StageRecord]:
    """The stages of a dvc.lock by name, in its order; raises `WorkspaceError` where it is not readable."""
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import parse_yaml  # reads 1e-05 as DVC wrote it; PyYAML makes text of it

    try:
        stages = (parse_yaml(text, LOCK) or {}).get("stages", {})
        return MappingProxyType({name: _record(name, entry) for name, entry in stages.items()})
    except (DvcException, AttributeError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{LOCK} is not readable ({error}): take it from git, or run `dvc repro`") from error


def upstream(records: Mapping[str, StageRecord], last: StageRecord) -> list[StageRecord]:
    """`last` and the stages that it was made by, in the order of `records`.

    A stage whose recorded out is another than the one that was taken in has no part in it, and is left out.
    """
    wanted, waiting = {}, [last]
    while waiting:
        inputs = waiting.pop().state.inputs
        for name, record in records.items():
            if name not in wanted and name != last.state.stage and produces_input_of(record.outs, inputs):
                wanted[name] = record
                waiting.append(record)
    return [*(record for name, record in records.items() if name in wanted), last]


def produces_input_of(outs: Mapping[str, str], inputs: Mapping[str, str]) -> bool:
    """Whether an input is one of the outs, or a folder that holds one (whose hash then says nothing of the out)."""
    return any(
        inputs[path] == value if path in inputs else any(path.startswith(f"{folder}/") for folder in inputs)
        for path, value in outs.items()
    )


def _record(name: str, entry: Mapping[str, Any]) -> StageRecord:
    def hashes(kind: str) -> dict[str, str]:
        return {item["path"]: item["md5"] for item in entry.get(kind, [])}

    files = entry.get("params", {})
    params = {param_name(file, name): value for file, values in files.items() for name, value in values.items()}
    return StageRecord(StageState(name, params, hashes("deps")), hashes("outs"))
