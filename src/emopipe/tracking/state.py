"""What a stage was made from, as DVC sees it: the key by which its run is found in MLflow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emopipe.errors import WorkspaceError

LOCK = "dvc.lock"


@dataclass(frozen=True)
class StageState:
    """Parameters and inputs of one stage.

    stage: its name in dvc.yaml, such as `train@cnn`. params: dotted name to value. inputs: path to DVC's hash.
    """

    stage: str
    params: dict[str, Any]
    inputs: dict[str, str]

    @cached_property
    def key(self) -> str:
        """32 hex digits that are equal exactly when stage, parameters and inputs are."""
        return _digest(self.stage, self.params, self.inputs)

    @cached_property
    def shared_key(self) -> str:
        """The same without the name behind `@`: equal for all models that are trained from one state."""
        return _digest(self.stage.partition("@")[0], self.params, self.inputs)


@dataclass(frozen=True)
class StageRecord:
    """A stage that has run: what it was made from, and what it made (path to DVC's hash)."""

    state: StageState
    outs: dict[str, str] = field(default_factory=dict)


def stage_state(stage: str, root: Path) -> StageState:
    """The state of `stage` in the workspace at `root`; raises `WorkspaceError` where dvc.yaml has no such stage."""
    return stage_record(stage, root, with_outs=False).state


def stage_record(stage: str, root: Path, *, with_outs: bool = True) -> StageRecord:
    """The state of `stage` in the workspace at `root`, and the hashes of the outs that lie there.

    Raises `WorkspaceError` where dvc.yaml has no such stage, or a file is missing.
    """
    from dvc.dependency.param import ParamsDependency
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            found = repo.stage.load_one(str(root / "dvc.yaml"), stage)
            found.save_deps()
            if with_outs:
                found.save_outs()
            params = [dep for dep in found.deps if isinstance(dep, ParamsDependency)]
            files = [dep for dep in found.deps if not isinstance(dep, ParamsDependency)]
            state = StageState(
                stage=stage,
                params={name: value for dep in params for name, value in dep.hash_info.value.items()},
                inputs={dep.def_path: dep.hash_info.value for dep in files},
            )
            return StageRecord(state, {out.def_path: out.hash_info.value for out in found.outs} if with_outs else {})
    except DvcException as error:
        raise WorkspaceError(f"DVC cannot tell the state of {stage}: {error}") from error


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
            if name not in wanted and name != last.state.stage and feeds(record.outs, inputs):
                wanted[name] = record
                waiting.append(record)
    return [*(record for name, record in records.items() if name in wanted), last]


def feeds(outs: Mapping[str, str], inputs: Mapping[str, str]) -> bool:
    """Whether an input is one of the outs, or a folder that holds one (whose hash then says nothing of the out)."""
    return any(
        inputs[path] == value if path in inputs else any(path.startswith(f"{folder}/") for folder in inputs)
        for path, value in outs.items()
    )


def _record(name: str, entry: Mapping[str, Any]) -> StageRecord:
    def hashes(kind: str) -> dict[str, str]:
        return {item["path"]: item["md5"] for item in entry.get(kind, [])}

    params = {key: value for values in entry.get("params", {}).values() for key, value in values.items()}
    return StageRecord(StageState(name, params, hashes("deps")), hashes("outs"))


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
