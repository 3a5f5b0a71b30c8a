"""A project that has run on a small drawn sample: shared by all tests of a session, which copy it to change it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import yaml

from emopipe.core.files import read_json, read_parquet
from emopipe.faces.table import faces_from_arrow
from emopipe.ingest.sample.table import write_sample
from projects import ROOT, change_params, commit, make_project, once, succeed

PARAMS = {
    "validate__min_train_faces": 4,
    "validate__label_folds": 2,
    "train__epochs": 12,
    "evaluate__bootstrap_resamples": 100,
    "image__size": 32,
    "models": ["cnn"],
}
NUM_FACES = 260
MODELS = ("cnn", "test_resnet")
ENSEMBLE = "both"
SETTINGS = {"longer": {"train.epochs": "13"}, "unbalanced": {"balance.strategy": "none"}}
"""DVC experiments of cnn, and the parameters that each changes."""
EXPORTED = "by_accuracy"
"""A DVC experiment that exports another model, and so has a bundle of its own."""
CLOSED = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}  # nothing listens there


@dataclass(frozen=True)
class Pipeline:
    """A project after its runs."""

    root: Path
    with_cnn: str = ""
    """What `dvc repro evaluate` wrote, with cnn alone."""
    with_both: str = ""
    """What `dvc repro` wrote, after test_resnet and an ensemble of both were added, and nothing else was changed."""

    def path(self, name: str) -> Path:
        return self.root / name

    def report(self, name: str):
        return read_json(self.path(f"reports/{name}.json"))

    def faces(self, name: str) -> pd.DataFrame:
        return faces_from_arrow(read_parquet(self.path(f"build/{name}.parquet"))).frame

    def predictions(self, model: str) -> pd.DataFrame:
        return pq.read_table(self.path(f"build/predictions/{model}.parquet")).to_pandas()

    def locked(self) -> dict:
        """The stages of dvc.lock."""
        return yaml.safe_load(self.path("dvc.lock").read_text(encoding="utf-8"))["stages"]


def small_pipeline() -> Pipeline:
    """Two networks and their ensemble, exported and registered; its experiments are `SETTINGS` and `EXPORTED`."""
    folder = once("pipeline", _run)
    return Pipeline(folder / "project", *((folder / name).read_text() for name in ("with_cnn", "with_both")))


def _run(folder: Path) -> None:
    root = _new_project(folder / "project")
    (folder / "with_cnn").write_text(succeed(root, "dvc", "repro", "evaluate"))
    change_params(root, models=list(MODELS), ensembles={ENSEMBLE: list(MODELS)})
    (folder / "with_both").write_text(succeed(root, "dvc", "repro"))
    commit(root, "second")
    for name, params in SETTINGS.items():
        options = [word for key, value in params.items() for word in ("--set-param", f"{key}={value}")]
        succeed(root, "dvc", "exp", "run", "--quiet", "--name", name, *options, "evaluate@cnn")
        succeed(root, "git", "checkout", "--quiet", "--force", "HEAD")
    succeed(root, "dvc", "checkout", "--quiet")
    succeed(root, "dvc", "exp", "run", "--quiet", "--name", EXPORTED, "--set-param", "export.select_by=accuracy")
    succeed(root, "git", "checkout", "--quiet", "--force", "HEAD")
    succeed(root, "dvc", "checkout", "--quiet")
    succeed(root, "emopipe", "sync", "--all-experiments")  # it tags the runs with their commit


def _new_project(root: Path) -> Path:
    make_project(root, **PARAMS)
    shutil.copy(ROOT / ".gitignore", root)
    write_sample(root / "data" / "faces.csv.xz", num_faces=NUM_FACES, size=48, seed=0)
    succeed(root, "dvc", "add", "--quiet", "data")
    commit(root, "first")
    return root
