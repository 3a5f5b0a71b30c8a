"""Parameters and inputs of a stage as DVC records them, and the key computed from them."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emopipe.core.dvc_project import open_project


def project_root() -> Path:
    """The root of the project: DVC_ROOT, which DVC sets for stages and experiments, else the working folder."""
    return Path(os.environ.get("DVC_ROOT", Path.cwd())).resolve()


def param_name(file: str, name: str) -> str:
    """The dotted name of a parameter, with the prefix `FILE:` unless it is of params.yaml."""
    return name if file == "params.yaml" else f"{file}:{name}"


@dataclass(frozen=True)
class StageState:
    """Parameters and inputs of one stage.

    stage: name in dvc.yaml, such as `train@cnn`. params: name (`param_name`) to value. inputs: path to DVC's hash.
    """

    stage: str
    params: dict[str, Any]
    inputs: dict[str, str]

    @cached_property
    def key(self) -> str:
        """Hash of stage, parameters and inputs: 32 hex digits."""
        return _digest(self.stage, self.params, self.inputs)

    @cached_property
    def shared_key(self) -> str:
        """The same without the part after `@`: equal for all models of one state."""
        return _digest(self.stage.partition("@")[0], self.params, self.inputs)


@dataclass(frozen=True)
class StageRecord:
    """A stage that has run: its state, and its outs (path to DVC's hash)."""

    state: StageState
    outs: dict[str, str] = field(default_factory=dict)


def stage_state(stage: str, root: Path) -> StageState:
    """The state of `stage` in the workspace at `root`; raises `WorkspaceError` if dvc.yaml has no such stage."""
    return stage_record(stage, root, with_outs=False).state


def stage_record(stage: str, root: Path, *, with_outs: bool = True) -> StageRecord:
    """The state of `stage` in the workspace at `root`, and the hashes of its outs.

    Raises `WorkspaceError` if dvc.yaml has no such stage, or a file is missing.
    """
    from dvc.dependency.param import ParamsDependency

    with open_project(root, f"so the state of {stage} is unknown") as repo:
        loaded = repo.stage.load_one(str(root / "dvc.yaml"), stage)
        loaded.save_deps()
        if with_outs:
            loaded.save_outs()
        params = [dep for dep in loaded.deps if isinstance(dep, ParamsDependency)]
        files = [dep for dep in loaded.deps if not isinstance(dep, ParamsDependency)]
        state = StageState(
            stage=stage,
            params={param_name(dep.def_path, k): v for dep in params for k, v in dep.hash_info.value.items()},
            inputs={dep.def_path: dep.hash_info.value for dep in files},
        )
        return StageRecord(state, {out.def_path: out.hash_info.value for out in loaded.outs} if with_outs else {})


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
