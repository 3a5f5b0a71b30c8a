"""Trials as DVC experiments, one after the other, each in a temporary folder, so that the workspace stays unchanged.

`dvc exp run --temp`, not `--queue`: Ctrl-C does not stop the worker of DVC's queue, which runs in the background, and
runs whatever else is queued. Experiments are found by name, not by `dvc.api.exp_show`, which lists those of the current
commit only, or reads parameters and metrics of every commit.
"""

import hashlib
import json
import subprocess
import sys
from functools import reduce
from pathlib import Path

import yaml

from emopipe.compare.model_ref import from_revision
from emopipe.compare.sweep.design import Trial
from emopipe.compare.sweep.overrides import hydra_overrides, override
from emopipe.core.errors import WorkspaceError
from emopipe.core.params import parse_params
from emopipe.faces.predictions import Predictions
from emopipe.tracking.git import git
from emopipe.tracking.naming import experiment_name
from emopipe.tracking.snapshots import snapshots

STAGES = ("ingest", "validate", "balance", "train", "evaluate")
"""Stages of an experiment, for one model."""


class Experiments:
    """Experiments of the repository at `root`, named by a digest of the parameters, code and data of their stages."""

    def __init__(self, root: Path) -> None:
        """Hash code and data; raises `WorkspaceError` without tracked data."""
        if not (root / "data.dvc").exists():
            raise WorkspaceError(
                "data.dvc does not exist: bring data in with `emopipe data import`, and commit data.dvc"
            )
        self._root = root
        pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
        self._stages = {name: pipeline["stages"][name] for name in STAGES}
        self._params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
        self._files = {path: _digest(root / path) for path in sorted(self._inputs())}

    def name(self, trial: Trial) -> str:
        """`SETTING-MODEL-sSEED-DIGEST`; raises `ParamsError` for overrides that params.yaml does not have."""
        params = override(self._params, trial.overrides)
        parse_params(params, name=f"setting {trial.setting}")
        names = {name for stage in self._stages.values() for name in stage["params"] if isinstance(name, str)}
        read = {name: reduce(lambda section, key: section[key], name.split("."), params) for name in sorted(names)}
        text = json.dumps([self._stages, self._files, read], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return experiment_name(trial.setting, trial.model, trial.seed, digest)

    def predictions(self, trial: Trial) -> Predictions | None:
        """Predictions of the trial; None if it has not run, or DVC's cache lacks them."""
        try:
            commit = snapshots(self._root, self.name(trial), experiments=False)[-1].commit
            return from_revision(self._root, commit, trial.model).predictions[0]
        except WorkspaceError:
            return None

    def run(self, trial: Trial) -> bool:
        """Run a trial that has no predictions yet, with DVC's output on the terminal; whether it then has them.

        Raises `WorkspaceError` in a repository without a commit.
        """
        if not git(self._root, "rev-parse", "--verify", "--quiet", "HEAD"):
            raise WorkspaceError("there is no commit yet: experiments start from one, so commit first")
        name = self.name(trial)
        if self.predictions(trial) is not None:
            print(f"{name}: done before", flush=True)
            return True
        if any(snapshot.experiment == name for snapshot in snapshots(self._root, None, experiments=True)):
            self._dvc("exp", "remove", name)  # its predictions are not in DVC's cache
        print(f"{name}: {' '.join(f'{key}={value}' for key, value in trial.overrides.items())}", flush=True)
        changes = hydra_overrides(self._params, trial.overrides)
        options = [word for change in changes for word in ("--set-param", change)]
        self._dvc("exp", "run", "--temp", "--name", name, *options, f"evaluate@{trial.model}")
        return self.predictions(trial) is not None

    def _inputs(self) -> set[str]:
        deps = {dep for stage in self._stages.values() for dep in stage["deps"]}
        paths = [self._root / dep for dep in deps if dep != "data" and "build/" not in dep]
        files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))
        return {str(file.relative_to(self._root)) for file in files} | {"data.dvc", "libraries.yaml"}

    def _dvc(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=self._root, check=False)


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
