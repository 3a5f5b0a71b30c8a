"""An observer changes no out of a stage, and stops no stage: on, off, and raising in each of its methods."""

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from balance_tables import make
from emopipe.core.files import write_parquet
from emopipe.core.params import BaseParams
from emopipe.core.stage import OBSERVER, Out, StageRun, execute
from emopipe.faces.table import faces_to_arrow
from emopipe.faces.training_set import training_set_to_arrow
from emopipe.tracking.store import connect
from face_tables import faces_of
from projects import ROOT, files_below, make_project
from test_tracking import new_store, own_stores, stored

__all__ = ["new_store", "own_stores"]
CALLS = ("start", "log_metrics", "finish", "fail")
MODULE = """
calls = []

class Observer:
    def start(self, state):
        self.called("start", state.stage)
    def log_metrics(self, metrics, *, step):
        self.called("log_metrics", dict(metrics), step)
    def finish(self, outs):
        self.called("finish", [(path, file.read_text()) for path, file in outs.items()])
    def fail(self, error):
        self.called("fail", str(error))
    def called(self, name, *values):
        calls.append((name, *values))
        if name == RAISES:
            raise RuntimeError("the store is\\n down")

def make_observer():
    return Observer()
"""
WARNING = "warning: tracking stops, the stage goes on (the store is down)\n"


@pytest.fixture
def observed_by(tmp_path, monkeypatch):
    """Names an observer for the stages of this process; its module, or None for no observer."""
    monkeypatch.syspath_prepend(tmp_path)

    def name(raises: str | None):
        if raises is None:
            monkeypatch.setenv(OBSERVER, "")
            return None
        module = f"observer_raising_{raises or 'nothing'}"
        (tmp_path / f"{module}.py").write_text(f"RAISES = {raises!r}\n{MODULE}")
        monkeypatch.setenv(OBSERVER, module)
        importlib.invalidate_caches()
        found = importlib.import_module(module)
        found.calls.clear()
        return found

    return name


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A DVC project with the stage `learn`."""
    from dvc.repo import Repo

    root = tmp_path / "project"
    root.mkdir()
    Repo.init(str(root), no_scm=True).close()
    shutil.copy(ROOT / "params.yaml", root)
    (root / "dvc.yaml").write_text(json.dumps({"stages": {"learn": {"cmd": "true", "deps": ["given.txt"]}}}))
    (root / "given.txt").write_text("faces")
    monkeypatch.chdir(root)
    return root


def learn(base: BaseParams, run: StageRun, *, given: Path, out: Out) -> None:
    """Write an out after two epochs."""
    for epoch in (1, 2):
        run.observer.log_metrics({"loss": 1 / epoch}, step=epoch)
    if given.read_text() == "no faces":
        raise ValueError("there is no face")
    out.write_text(f"{given.read_text()} {base.seed}")


def run_learn() -> None:
    execute(learn, ["--given", "given.txt", "--out", "out.txt"], stem="learn", observed=True)


def test_an_observer_receives_state_metrics_and_outs(project, observed_by, capsys):
    module = observed_by("")
    run_learn()
    assert module.calls == [
        ("start", "learn"),
        ("log_metrics", {"loss": 1.0}, 1),
        ("log_metrics", {"loss": 0.5}, 2),
        ("finish", [("out.txt", (project / "out.txt").read_text())]),
    ]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("raises", CALLS[:3])
def test_outs_are_equal_with_the_observer_on_off_and_raising(project, observed_by, capsys, raises):
    outs = {}
    for each in ("", None, raises):
        module = observed_by(each)
        run_learn()
        outs[each] = (project / "out.txt").read_bytes()
        (project / "out.txt").unlink()
        assert capsys.readouterr().err == (WARNING if each else "")
    assert module.calls[-1][0] == raises, "an observer that raises is not called again"
    assert len(set(outs.values())) == 1


@pytest.mark.parametrize("raises", CALLS)
def test_the_error_of_a_stage_is_its_own_whatever_the_observer_does(project, observed_by, capsys, raises):
    (project / "given.txt").write_text("no faces")
    module = observed_by(raises)
    with pytest.raises(ValueError, match=r"^there is no face$"):
        run_learn()
    assert capsys.readouterr().err == (WARNING if raises != "finish" else "")
    assert module.calls[-1] == (("fail", "there is no face") if raises in ("fail", "finish") else module.calls[-1])


def test_an_observer_that_cannot_be_imported_is_a_warning(project, monkeypatch, capsys):
    monkeypatch.setenv(OBSERVER, "no_such_module")
    run_learn()
    line = "warning: no_such_module is not available, so nothing is tracked (No module named 'no_such_module')\n"
    assert capsys.readouterr().err == line


# The stages train and evaluate with MLflow's observer

STAGES = {
    "train": "--model cnn --clean build/clean.parquet --training-set build/train.parquet --out build/models/cnn",
    "evaluate": "--model cnn --clean build/clean.parquet --weights build/models/cnn --predictions "
    "build/predictions/cnn.parquet --report reports/evaluate/cnn.json --metrics metrics/cnn.json "
    "--plots reports/plots/cnn --figures reports/figures/cnn",
}


def run_stage(name: str) -> None:
    spec = importlib.util.spec_from_file_location(f"stage_{name}", ROOT / "stages" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    execute(module.main, STAGES[name].split(), stem=name, observed=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
def test_train_and_evaluate_write_the_same_outs_with_mlflow_without_and_raising(
    new_store, tmp_path, monkeypatch, observed_by, capsys
):
    root = make_project(
        tmp_path / "real",
        base__classes=["happy", "sad"],
        models=["cnn"],
        train__epochs=1,
        evaluate__bootstrap_resamples=100,
    )
    shutil.copy(new_store / "mlflow.db", root)
    monkeypatch.chdir(root)
    names = [f"{split} {label}" for split in ("train", "val", "test") for label in ("happy", "sad")] * 3
    faces = faces_of(*(f"{name} {number}" for number, name in enumerate(names)))
    hashes = {}
    for each in ("mlflow", None, "log_metrics"):
        for folder in ("build", "reports"):
            shutil.rmtree(root / folder, ignore_errors=True)
        write_parquet(root / "build/clean.parquet", faces_to_arrow(faces))
        write_parquet(root / "build/train.parquet", training_set_to_arrow(make("none", faces).training_set))
        if each == "mlflow":
            monkeypatch.delenv(OBSERVER, raising=False)
        else:
            observed_by(each)
        for stage in STAGES:
            run_stage(stage)
        files = files_below(root / "build", root / "reports")
        hashes[each] = {
            str(path.relative_to(root)): hashlib.md5(content).hexdigest()
            for path, content in files.items()
            if path.name != ".gitignore"  # which DVC writes when it hashes outs
        }
        assert ("warning" in capsys.readouterr().err) == (each == "log_metrics")
    assert len(hashes["mlflow"]) > 8
    for found in hashes.values():
        assert found == hashes["mlflow"]
    (run,) = stored(root)
    assert {"epoch/val_loss", "test/accuracy", "time/training_seconds"} <= run.data.metrics.keys()
    assert connect(root)[0].list_artifacts(run.info.run_id, "figures")
