"""When an experiment is the same as one that was made: same parameters, code and data, by what the stages read."""

import hashlib
import json
from functools import reduce
from pathlib import Path

import yaml

from emopipe.compare.sweep.design import Cell
from emopipe.compare.sweep.overrides import hydra_overrides, override
from emopipe.core.errors import WorkspaceError
from emopipe.core.params import parse_params
from emopipe.tracking.naming import experiment_name

STAGES = ("ingest", "validate", "balance", "train", "evaluate")
"""What an experiment runs, for one model."""


class Identities:
    """Names of experiments for the workspace at `root`."""

    def __init__(self, root: Path) -> None:
        """Read what the stages read; raises `WorkspaceError` where it is not there."""
        if not (root / "data.dvc").exists():
            raise WorkspaceError(
                "data.dvc does not exist: bring data in with `emopipe data import`, and commit data.dvc"
            )
        pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
        self._src = pipeline["vars"][0]["src"]
        self._stages = {name: pipeline["stages"][name] for name in STAGES}
        self._params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
        self._files = {path: _digest(root / path) for path in sorted(self._read_files(root))}

    def _read_files(self, root: Path) -> set[str]:
        code = {dep.replace("${src}", self._src) for stage in self._stages.values() for dep in stage["deps"]}
        deps = {dep for dep in code if "build/" not in dep}
        files = {
            str(path.relative_to(root))
            for dep in deps - {"data"}
            for path in ([root / dep] if (root / dep).is_file() else (root / dep).rglob("*.py"))
        }
        return files | {"data.dvc", "libraries.yaml"}

    def set_params(self, cell: Cell) -> list[str]:
        """What `dvc exp run --set-param` is given for the cell, word by word."""
        return hydra_overrides(self._params, cell.overrides)

    def name(self, cell: Cell) -> str:
        """`SETTING-MODEL-sSEED-DIGEST`; raises `ParamsError` for overrides that params.yaml does not know."""
        params = override(self._params, cell.overrides)
        parse_params(params, name=f"setting {cell.setting}")
        names = {name for stage in self._stages.values() for name in stage["params"] if isinstance(name, str)}
        read = {name: reduce(lambda section, key: section[key], name.split("."), params) for name in sorted(names)}
        text = json.dumps([self._stages, self._files, read], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return experiment_name(cell.setting, cell.model, cell.seed, digest)


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
