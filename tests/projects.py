"""Projects made for a test: the pipeline of this repository with data of their own, and commands run in them."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import reduce
from pathlib import Path

import yaml
from filelock import FileLock

import fork_server

ROOT = Path(__file__).parents[1]
PARTS = ("dvc.yaml", "params.yaml", "libraries.yaml", "corrections.csv", ".dvcignore", "stages", "src")
BIN = Path(sys.executable).parent
STORE_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's store that hold a place on this machine."""
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")
FORKED = {fork_server.CHILDREN: "1"}
FOREIGN = ("MLFLOW_", "DVC_", "AWS_")  # variables that would reach out of the project


def make_project(root: Path, source: Path = ROOT, **params) -> Path:
    """A project with its own git, DVC and the code of `source`; keywords change params.yaml: `train__epochs=2`."""
    root.mkdir(parents=True)
    for name in PARTS:
        if (source / name).is_dir():
            shutil.copytree(source / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, root / name)
    change_params(root, **params)
    succeed(root, "git", "init", "--quiet")
    shutil.copytree(source / ".dvc" / "plots", root / ".dvc" / "plots")  # and the rest as `dvc init` makes it
    (root / ".dvc" / "config").touch()
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    return root


def change_params(root: Path, **params) -> None:
    """`train__epochs=2` sets train.epochs, `models=[...]` the list of models."""
    path = root / "params.yaml"
    path.write_text(changed_params(path.read_text(encoding="utf-8"), params), encoding="utf-8")


def changed_params(text: str, params: Mapping[str, object]) -> str:
    """The text of params.yaml with other values, by names as `change_params` takes them."""
    values = yaml.safe_load(text)
    for name, value in params.items():
        *sections, key = name.split("__")
        reduce(dict.__getitem__, sections, values)[key] = value
    return yaml.safe_dump(values, sort_keys=False)


def environment(root: Path, **changes: str) -> dict[str, str]:
    """Variables for a command in `root`: its own code and stores, and what DVC keeps per user beside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    dvc = {f"DVC_{name}_DIR": str(root.parent / "dvc") for name in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE")}
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    code = root / "src" if (root / "src" / "emopipe").exists() else ROOT / "src"
    own = {"PATH": path, "PYTHONPATH": str(code), "OMP_WAIT_POLICY": "PASSIVE", "DVC_NO_ANALYTICS": "1"}
    return kept | dvc | own | changes


def forking(root: Path, **changes: str) -> dict[str, str]:
    """The same variables, with which `python`, `dvc` and `emopipe` start as forks, unless the session has none."""
    variables = environment(root, **changes)
    if not os.environ.get(fork_server.UNUSED):
        variables["PATH"] = os.pathsep.join([str(fork_server.commands()), variables["PATH"]])
    return variables


def run(root: Path, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `root`; keywords are environment variables. Python starts as a fork, unless by its full path."""
    variables = (forking if command[0] in fork_server.NAMES else environment)(root, **changes)
    return subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False)


def succeed(root: Path, *command: str, **changes: str) -> str:
    """Run a command that must succeed; what it writes."""
    return _output(run(root, *command, **changes))


def succeed_unforked(root: Path, *command: str, **changes: str) -> str:
    """The same in a process of its own, as outside the tests, and so for the stages that it starts."""
    variables = environment(root, **changes)
    return _output(subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False))


def commit(root: Path, subject: str) -> None:
    """Commit everything that git does not ignore."""
    succeed(root, "git", "add", "--all")
    succeed(root, "git", *IDENTITY, "commit", "--quiet", "--message", subject)


def _output(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{' '.join(done.args)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the session that `make` fills: once, whichever worker of pytest-xdist comes first."""
    folder = Path(os.environ[fork_server.FOLDER]) / name
    done = folder / "done"
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def copy_project(root: Path, to: Path) -> Path:
    """A copy to change; its store has its artifacts beside it, as that of `root`."""
    shutil.copytree(root, to, symlinks=True, ignore=shutil.ignore_patterns("tmp"))
    with closing(sqlite3.connect(to / "mlflow.db")) as store, store:
        for table, column in STORE_PATHS:
            store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(root), str(to)))
    return to


def stages_run(output: str) -> list[str]:
    """The stages that DVC says it ran, or would run."""
    return re.findall(r"^Running stage '(.+)':", output, re.MULTILINE)


def files_below(*folders: Path) -> dict[Path, bytes]:
    """Every file with its content."""
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
