"""What a stage was made from, as DVC sees it: the key by which its run is found in MLflow."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emopipe.errors import WorkspaceError


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
        text = json.dumps([self.stage, self.params, self.inputs], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def stage_state(stage: str, root: Path) -> StageState:
    """The state of `stage` in the workspace at `root`; raises `WorkspaceError` where dvc.yaml has no such stage."""
    from dvc.dependency.param import ParamsDependency
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            found = repo.stage.load_one(str(root / "dvc.yaml"), stage)
            found.save_deps()
            params = [dep for dep in found.deps if isinstance(dep, ParamsDependency)]
            files = [dep for dep in found.deps if not isinstance(dep, ParamsDependency)]
            return StageState(
                stage=stage,
                params={name: value for dep in params for name, value in dep.hash_info.value.items()},
                inputs={dep.def_path: dep.hash_info.value for dep in files},
            )
    except DvcException as error:
        raise WorkspaceError(f"DVC cannot tell the state of {stage}: {error}") from error
