"""What a stage does with bad input: status 1, one line on standard error, and no file, whole or half."""

import io
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import psutil
import pytest
import yaml

from balance_tables import make
from emopipe.core.atomic import atomic_path
from emopipe.core.errors import EmopipeError, GateError, ModelError
from emopipe.core.files import write_parquet
from emopipe.core.gate import keep_evidence
from emopipe.core.params import load_params
from emopipe.core.stage import OBSERVER, execute
from emopipe.faces.table import faces_to_arrow
from emopipe.faces.training_set import training_set_to_arrow
from face_tables import faces_of
from projects import ROOT, change_params, environment, files_below, make_project, run

OBSERVED = ("train", "evaluate", "ensemble")
HEADER = "emotion,pixels,Usage\n"
GOOD = "happy,1 2 3 4,Training\nsad,5 6 7 8,PublicTest\nhappy,9 9 9 9,PrivateTest\n"
OPTIONS = {
    "ingest": {
        "data": "data",
        "faces": "build/faces.parquet",
        "rejects": "build/rejects.csv",
        "report": "reports/ingest.json",
    },
    "validate": {
        "faces": "build/faces.parquet",
        "corrections": "corrections.csv",
        "clean": "build/clean.parquet",
        "report": "reports/validate.json",
        "pages": "reports/validation",
    },
    "balance": {
        "clean": "build/clean.parquet",
        "training-set": "build/train.parquet",
        "report": "reports/balance.json",
        "pages": "reports/balance",
    },
    "train": {
        "model": "resnet18",
        "clean": "build/clean.parquet",
        "training-set": "build/train.parquet",
        "out": "build/models/resnet18",
    },
    "evaluate": {
        "model": "resnet18",
        "clean": "build/clean.parquet",
        "weights": "build/models/resnet18",
        "predictions": "build/predictions/resnet18.parquet",
        "report": "reports/evaluate/resnet18.json",
        "metrics": "metrics/resnet18.json",
        "plots": "reports/plots/resnet18",
        "figures": "reports/figures/resnet18",
    },
    "export": {
        "clean": "build/clean.parquet",
        "weights": "build/models",
        "predictions": "build/predictions",
        "reports": "reports/evaluate",
        "ingest": "reports/ingest.json",
        "validate": "reports/validate.json",
        "balance": "reports/balance.json",
        "out": "exports",
        "report": "reports/export.json",
        "curves": "reports/curves",
    },
    "report": {"reports": "reports", "page": "reports/index.html"},
    "register": {
        "bundle": "exports",
        "export": "reports/export.json",
        "report": "reports/register.json",
    },
}


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder with params.yaml, no correction, and three good rows."""
    for name in ("params.yaml", "corrections.csv"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    change_params(tmp_path, base__classes=["happy", "sad"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "faces.csv").write_text(HEADER + GOOD)
    return tmp_path


def options(name: str) -> list[str]:
    return [word for option, value in OPTIONS[name].items() for word in (f"--{option}", value)]


def run_stage(root: Path, name: str) -> tuple[str, str]:
    """Run a stage in this process, without an observer; what it wrote on standard output, and its error."""
    written, error = io.StringIO(), ""
    main = runpy.run_path(str(ROOT / "stages" / f"{name}.py"))["main"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(written), redirect_stderr(written):
        patch.chdir(root)
        patch.setenv(OBSERVER, "")
        try:
            execute(main, options(name), stem=name, observed=name in OBSERVED)
        except EmopipeError as failure:
            error = str(failure)
    return written.getvalue(), error


def fails(root: Path, name: str) -> str:
    """Run a stage that must fail and write nothing; its one line."""
    outs = [root / folder for folder in ("build", "reports", "exports")]
    before = files_below(*outs)
    written, error = run_stage(root, name)
    assert written == ""
    assert error != "" and "\n" not in error
    assert files_below(*outs) == before
    return f"{name}: {error}"


def test_the_options_here_are_those_of_the_pipeline():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, options in OPTIONS.items():
        assert [word for word in stages[name]["cmd"].split() if word.startswith("--")] == [f"--{o}" for o in options]


def test_good_input_passes(root):
    line = "3 rows in, 3 faces out, 0 rejected; see build/rejects.csv\n"
    assert run_stage(root, "ingest") == (line, "")
    assert {path.name for path in (root / "build").iterdir()} == {"faces.parquet", "rejects.csv"}


def test_a_bad_row_is_a_reject_and_the_rest_goes_on(root):
    face, short, wrong = "7 " * 2304, "7 " * 2303, "300 " + "7 " * 2303
    good = f"happy,{face},Training\nsad,{face},PublicTest\nhappy,{face},PrivateTest\n"
    bad = f"happy,{short},Training\nhappy,{wrong},Training\ncontempt,{face},Training\nhappy,{face}\n"
    (root / "data" / "faces.csv").write_text(HEADER + good + bad)
    assert run_stage(root, "ingest")[1] == ""
    assert (root / "build" / "rejects.csv").read_text().splitlines() == [
        "source,reason,detail,split,label",
        'faces.csv:5,wrong_pixel_count,"2303 pixels, expected 2304",Training,happy',
        "faces.csv:6,bad_pixel_value,\"value '300', expected an integer from 0 to 255\",Training,happy",
        "faces.csv:7,unknown_label,\"label 'contempt', expected one of happy, sad\",Training,contempt",
        'faces.csv:8,malformed_row,"2 cells, expected 3",,',
    ]


def test_a_typo_in_params_yaml_stops_the_first_stage(root):
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("  epochs:", "  epoch:"))
    expected = "ingest: params.yaml: train.epochs is missing; train.epoch is not known (did you mean epochs?)"
    assert fails(root, "ingest") == expected


def test_without_params_yaml(root):
    (root / "params.yaml").unlink()
    assert fails(root, "ingest") == "ingest: params.yaml does not exist: run from the root of the project"


@pytest.mark.slow
def test_as_a_process_it_ends_with_a_status_and_at_most_one_line_of_error(root):
    command = (sys.executable, str(ROOT / "stages" / "ingest.py"), *options("ingest"))
    done = run(root, *command)
    line = "3 rows in, 3 faces out, 0 rejected; see build/rejects.csv\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, line, "")
    (root / "params.yaml").unlink()
    done = run(root, *command)
    line = "ingest: params.yaml does not exist: run from the root of the project\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            "emotion,pixel,Usage\n" + GOOD,
            "data/faces.csv holds the first line 'emotion,pixel,Usage', expected a CSV with the columns emotion, "
            "pixels and Usage (plain, or as gz, xz, zst, zip or tar), folders of pictures",
        ),
        (
            HEADER + GOOD.replace("sad", "happy"),
            "data/faces.csv has no usable picture of the class sad: "
            "add some, or take the class out of base.classes in params.yaml",
        ),
        (
            HEADER + GOOD.replace("9 9 9 9", "9 9 9"),
            "data/faces.csv has no usable picture in test: add some, or map the split elsewhere",
        ),
        (
            HEADER + GOOD.replace("PublicTest", "Holdout"),
            "data/faces.csv names the splits Holdout, which ingest.split_map in params.yaml does not know: "
            "add each there, as train, val or test",
        ),
        (HEADER, "data/faces.csv has no labelled face: expected one per row"),
    ],
    ids=["wrong columns", "class without pictures", "split without pictures", "unknown split", "no rows"],
)
def test_a_table_that_is_no_use_is_one_line(root, table, line):
    (root / "data" / "faces.csv").write_text(table)
    assert fails(root, "ingest").startswith(f"ingest: {line}")


def test_missing_and_empty_data_are_one_line(root):
    (root / "data" / "faces.csv").unlink()
    assert fails(root, "ingest").startswith("ingest: data holds nothing, expected a CSV with the columns ")
    (root / "data").rmdir()
    assert fails(root, "ingest") == "ingest: data does not exist: name a CSV file or a folder of pictures"


def test_a_missing_or_broken_input_is_one_line(root):
    missing = "balance: build/clean.parquet does not exist: run the stage that makes it, or `dvc repro`"
    assert fails(root, "balance") == missing
    (root / "build").mkdir()
    (root / "build" / "clean.parquet").write_bytes(b"rubbish")
    assert fails(root, "balance").startswith("balance: build/clean.parquet is not readable (")
    write_parquet(root / "build" / "clean.parquet", faces_to_arrow(faces_of("train happy A")).drop_columns("label"))
    assert fails(root, "balance").startswith("balance: expected the columns ['id', 'image', 'label', ")


@pytest.mark.slow
def test_a_gate_that_does_not_hold_writes_only_its_page_until_it_holds(root):
    rows = [f"{split} {label} {split}{label}" for split in ("train", "val", "test") for label in ("happy", "sad")]
    write_parquet(root / "build" / "faces.parquet", faces_to_arrow(faces_of(*rows)))
    before = files_below(root / "build")
    assert run_stage(root, "validate") == (
        "",
        "every class has 10 or more faces in train (validate.min_train_faces): broken by 2 of 2 rows "
        "(train/happy has 1, train/sad has 1). "
        "Correct the source, or the section validate of params.yaml. See reports/failed/validate/index.html",
    )
    assert files_below(root / "build") == before
    assert [path.name for path in (root / "reports").iterdir()] == ["failed"]
    page = (root / "reports" / "failed" / "validate" / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^#"]+)"', page)
    assert all((root / "reports" / "failed" / "validate" / link).is_file() for link in links)
    assert set(links) == {"findings.csv", "data_docs/index.html"}
    change_params(root, validate__min_train_faces=1)
    assert run_stage(root, "validate")[1] == ""
    assert not (root / "reports" / "failed" / "validate").exists()
    assert "stopped" not in (root / "reports" / "validation" / "index.html").read_text(encoding="utf-8")


def test_the_pages_of_failed_gates_are_not_in_git():
    subprocess.run(["git", "check-ignore", "--quiet", "reports/failed/validate/index.html"], cwd=ROOT, check=True)


def test_an_experiment_in_a_folder_of_its_own_leaves_its_page_in_the_project(tmp_path, monkeypatch):
    project, experiment = tmp_path / "project", tmp_path / "experiment"
    page = project / "reports" / "failed" / "export" / "index.html"
    experiment.mkdir()
    monkeypatch.chdir(experiment)
    monkeypatch.setenv("DVC_ROOT", str(project))
    with (
        pytest.raises(GateError, match=rf"^the graph differs. See {re.escape(str(page))}$"),
        keep_evidence("export"),
    ):
        raise GateError("the graph differs", {"index.html": b"worst faces"})
    with keep_evidence("export"):
        pass
    assert page.read_bytes() == b"worst faces", "of the project's own run, for all that the experiment knows"
    monkeypatch.chdir(project)
    with keep_evidence("export"):
        pass
    assert not page.exists()


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with small tables and no model."""
    root = make_project(tmp_path_factory.mktemp("stages") / "project", models=["resnet18"])
    faces = faces_of(*(f"{split} {label} {split}{label}" for split in ("train", "val") for label in ("happy", "sad")))
    training_set = make("none", faces).training_set
    write_parquet(root / "build" / "clean.parquet", faces_to_arrow(faces))
    write_parquet(root / "build" / "train.parquet", training_set_to_arrow(training_set))
    (root / "build" / "models" / "resnet18").mkdir(parents=True)
    (root / "build" / "models" / "resnet18" / "history.csv").write_text("epoch\n")
    (root / "reports").mkdir()
    (root / "reports" / "export.json").write_text(
        '{"model": "resnet18", "select_by": "accuracy", "candidates": {"resnet18": 0.5}}'
    )
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("evaluate", "build/models/resnet18 holds no trained model: run `dvc repro`"),
        (
            "export",
            "reports/evaluate/resnet18.json does not exist: run the stage that makes it, or `dvc repro`",
        ),
        ("register", "exports holds no exported model: run `dvc repro export`"),
    ],
)
def test_a_missing_model_is_one_line(project, stage, line):
    assert fails(project, stage).startswith(f"{stage}: {line}")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "train"])
def test_a_typo_in_the_models_stops_every_stage(project, stage):
    text = (project / "params.yaml").read_text(encoding="utf-8")
    change_params(project, models=["cnn", "resnet81"])
    line = f"{stage}: params.yaml: models: 'resnet81' is neither cnn, nor a network of timm, nor of ultralytics; "
    assert fails(project, stage).startswith(f"{line}did you mean resnet18 or ")
    (project / "params.yaml").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_an_unknown_model_is_refused_before_a_picture_is_read():
    from emopipe.training.train_model import train_model

    params, no_tables = load_params(ROOT / "params.yaml"), (None, None)
    with pytest.raises(ModelError, match="'resnet81' is neither cnn"):
        train_model("resnet81", *no_tables, base=params.base, image=params.image, params=params.train, log_metrics=None)


SLEEPER = """
import os, time
from pathlib import Path
from emopipe.core.atomic import atomic_path
from emopipe.core.interrupt import begin_stage
begin_stage("sleeper")
from emopipe.core.stage import run_stage

def main(*, out: Path):
    with atomic_path(out) as temporary:
        temporary.write_text("half")
        print(os.getpid(), flush=True)
        time.sleep(60)

run_stage(main)
"""
COMPUTER = """
import ctypes, os
from emopipe.core.interrupt import begin_stage
begin_stage("computer")
import signal
signal.signal(signal.SIGTERM, lambda *_: None)
print(os.getpid(), flush=True)
while True:
    ctypes.CDLL(None).sleep(60)
"""
STARTER = "import subprocess, sys; subprocess.run(sys.argv[1:])"  # stands for DVC


@pytest.fixture
def start(root):
    """Start a stage that sleeps while it writes, below `command`; the process that was started, and the stage's own."""
    (root / "sleeper.py").write_text(SLEEPER)
    stages = []

    def start_below(*command: str) -> tuple[subprocess.Popen, psutil.Process]:
        started = subprocess.Popen(
            command, cwd=root, env=environment(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        stages.append((started, psutil.Process(int(started.stdout.readline()))))
        return stages[-1]

    yield start_below
    for started, stage in stages:
        if stage.is_running():
            stage.kill()
        started.kill()
        started.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("python", "sleeper.py", "--out", "half"), ("sh", "-c", "python sleeper.py --out half; true")],
    ids=["alone", "in a shell that stays"],
)
def test_a_stage_ends_when_what_started_it_is_killed(start, root, command):
    starter, stage = start(sys.executable, "-c", STARTER, *command)
    assert list(root.glob(".half.*.tmp")) != []
    starter.kill()
    stage.wait(timeout=10)
    assert list(root.glob("*half*")) == []


@pytest.mark.slow
def test_a_stage_that_is_computing_in_a_library_ends_too(start, root):
    (root / "computer.py").write_text(COMPUTER)
    starter, stage = start(sys.executable, "-c", STARTER, "python", "computer.py")
    starter.kill()
    stage.wait(timeout=10)


def test_what_a_killed_process_left_behind_is_removed(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    names = [f".out.{ended.pid}.tmp", f".out.{os.getpid()}.tmp", ".out.txt.tmp", f".other.{ended.pid}.tmp"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").touch()
    with atomic_path(tmp_path / "out") as temporary:
        assert temporary.name == names[1]
        (temporary / "part").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[2:], "out"])


@pytest.mark.slow
def test_a_stage_goes_on_while_what_started_it_lives(start):
    _, stage = start(sys.executable, "-c", STARTER, "sh", "-c", "python sleeper.py --out half; true")
    time.sleep(2.5)  # it looks every second
    assert stage.is_running()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_that_is_stopped_says_so_and_leaves_nothing(start, root, number):
    stage, _ = start("python", "sleeper.py", "--out", "half")
    stage.send_signal(number)
    assert stage.communicate(timeout=10)[1] == "sleeper: stopped\n"
    assert stage.returncode == 1
    assert list(root.glob("*half*")) == []


@pytest.mark.slow
def test_a_warning_of_a_stage_is_one_line(root):
    lines = (
        "import warnings",
        "from emopipe.core.stage import run_stage",
        "run_stage(lambda: warnings.warn('no font'))",
    )
    code = "\n".join(lines)
    (root / "warner.py").write_text(code)
    done = run(root, sys.executable, "warner.py")
    assert (done.returncode, done.stderr) == (0, "warning: no font\n")
