"""Cells as DVC experiments, one after the other, each in a folder of its own, so that the workspace stays as it is."""

import io
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from emopipe.compare.sweep.design import Cell
from emopipe.compare.sweep.identity import Identities
from emopipe.core.errors import WorkspaceError
from emopipe.faces.predictions import Predictions, predictions_from_arrow

Results = dict[Cell, Predictions]


class Experiments:
    """The experiments of the repository at `root`, by their names."""

    def __init__(self, root: Path) -> None:
        """Look at the workspace; raises `WorkspaceError` where it is not fit for experiments."""
        self._root = root
        self._identities = Identities(root)
        if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") == "":
            raise WorkspaceError("there is no commit yet: experiments start from one, so commit first")

    def results(self, cells: Sequence[Cell]) -> Results:
        """The predictions of the cells that are done."""
        done = self._revisions()
        found = {cell: self._predictions(done.get(self._identities.name(cell)), cell.model) for cell in cells}
        return {cell: predictions for cell, predictions in found.items() if predictions is not None}

    def run(self, cell: Cell, say: Callable[[str], None]) -> bool:
        """Run one cell, unless it is done; whether it is done then. What DVC says goes to the terminal."""
        name = self._identities.name(cell)
        revision = self._revisions().get(name)
        if self._predictions(revision, cell.model) is not None:
            say(f"{name}: done before")
            return True
        if revision is not None:  # its predictions are gone from DVC's cache
            self._dvc("exp", "remove", name)
        say(f"{name}: {' '.join(f'{key}={value}' for key, value in cell.overrides.items())}")
        options = [word for change in self._identities.set_params(cell) for word in ("--set-param", change)]
        self._dvc("exp", "run", "--temp", "--name", name, *options, f"evaluate@{cell.model}")
        return self._predictions(self._revisions().get(name), cell.model) is not None

    def _revisions(self) -> dict[str, str]:
        """Commits of the experiments, by name."""
        lines = _git(self._root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
        pairs = (line.split() for line in lines)
        return {ref.rsplit("/", 1)[1]: commit for ref, commit in pairs if not ref.startswith("refs/exps/exec")}

    def _predictions(self, revision: str | None, model: str) -> Predictions | None:
        """What the experiment left, or None where nothing is left."""
        if revision is None:
            return None
        import dvc.api
        from dvc.exceptions import DvcException

        path = f"build/predictions/{model}.parquet"
        try:
            content = dvc.api.read(path, repo=str(self._root), rev=revision, mode="rb")
        except (DvcException, FileNotFoundError):
            return None
        return predictions_from_arrow(pq.read_table(io.BytesIO(content)))

    def _dvc(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=self._root, check=False)


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout.strip()
