"""`emopipe check` on a pipeline of copies whose models are made up, with its git history and DVC's cache."""

import json
import shutil
from pathlib import Path

import pytest

from emopipe.compare.check.check import check
from emopipe.compare.check.checks import CheckReport
from emopipe.core.dvc_lock import read_lock
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json, write_json, write_parquet
from emopipe.core.params import load_params
from emopipe.evaluate.metrics import confusion_of
from emopipe.faces.predictions import predictions_to_arrow
from predicted import predict
from projects import ROOT, change_params, run, succeed

pytestmark = pytest.mark.slow

STAGES = """
stages:
  validate:
    cmd: cp given/validate.json reports/validate.json
    deps: [given/validate.json]
    outs: [reports/validate.json: {cache: false}]
  evaluate:
    matrix: {model: "${models}"}
    cmd: >-
      mkdir -p build/predictions reports/evaluate && cp given/${item.model}.parquet build/predictions &&
      cp given/${item.model}.json reports/evaluate
    params: [train.epochs]
    deps: ["given/${item.model}.parquet", "given/${item.model}.json", src/code.py]
    outs:
      - build/predictions/${item.model}.parquet
      - reports/evaluate/${item.model}.json: {cache: false}
  export:
    cmd: cp given/export.json reports/export.json
    deps: [given/export.json, build/predictions/cnn.parquet]
    outs: [reports/export.json: {cache: false}]
"""
TRUTH = "hhhhhhssssff"
OLD = "hhhhhsssshhf"  # right on 9 of 12
TIMES = 30


def model(root: Path, said: str, *, times: int = TIMES, truth: str = TRUTH) -> None:
    """Give the project these answers of cnn."""
    predictions = predict(truth, said, sure=0.9, times=times)
    test = predictions.split("test")
    confusion = confusion_of(test.probabilities, test.labels)
    figures = {
        "num_faces": len(test.frame),
        "confusion": confusion.tolist(),
        "accuracy": float(confusion.trace() / confusion.sum()),
        "macro_f1": 0.5,
        "ece": 0.1,
    }
    write_parquet(root / "given" / "cnn.parquet", predictions_to_arrow(predictions))
    write_json(root / "given" / "cnn.json", {"model": "cnn", "classes": list(predictions.classes), "test": figures})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A project whose branch main is committed, and what it says of its models is in DVC's cache."""
    root = tmp_path_factory.mktemp("check") / "project"
    (root / "src").mkdir(parents=True)
    (root / "reports").mkdir()
    (root / "src" / "code.py").write_text("")
    (root / "dvc.yaml").write_text(STAGES)
    (root / ".gitignore").write_text("/build/\n")
    shutil.copy(ROOT / "params.yaml", root)
    change_params(root, models=["cnn"])
    model(root, OLD)
    expectation = {"text": "no leak", "severity": "critical", "success": True}
    write_json(root / "given" / "validate.json", {"rows_in": 400, "rows_out": 361, "expectations": [expectation]})
    write_json(root / "given" / "export.json", read_json(ROOT / "reports" / "export.json"))
    succeed(root, "git", "init", "--quiet", "--initial-branch", "main")
    for name, value in (("user.name", "someone"), ("user.email", "someone@localhost")):
        succeed(root, "git", "config", name, value)
    succeed(root, "dvc", "init", "--quiet")
    succeed(root, "dvc", "repro", "--quiet")
    commit(root)
    return root


def commit(root: Path) -> None:
    succeed(root, "git", "add", "--all")
    succeed(root, "git", "commit", "--quiet", "--message", "a state")


@pytest.fixture
def root(made, tmp_path, monkeypatch) -> Path:
    """A copy of it, on a branch."""
    root = tmp_path / "copy" / "project"
    shutil.copytree(made, root, symlinks=True)
    succeed(root, "git", "checkout", "--quiet", "-b", "change")
    for name in ("CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(root.parent / "dvc"))
    return root


def looked(root: Path, base: str | None = None) -> CheckReport:
    return check(root, load_params(root / "params.yaml"), base)


def outcomes(report: CheckReport) -> dict[str, str]:
    return {result.name.split()[0]: result.outcome for result in report.results}


PASSED = {"dvc.lock": "passed", "data": "passed", "parity": "passed", "no": "passed"}


def test_what_was_not_changed_passes_without_any_predictions(root):
    shutil.rmtree(root / "build")
    shutil.rmtree(root / ".dvc" / "cache")
    report = looked(root)
    assert outcomes(report) == PASSED, "outs that are not here make no lock stale"
    assert report.title.startswith("emopipe check: here against main (")
    assert report.results[-1].text == "cnn gives the same predictions"
    assert [part.note for part in report.tables if part.key == "stages"] == ["None."]


def test_a_model_that_lost_a_class_fails_and_the_comment_says_where_and_why(root):
    model(root, "hhhhhsssshhh")
    change_params(root, train__epochs=9)
    succeed(root, "dvc", "repro", "--quiet")
    commit(root)
    done = run(root, "emopipe", "check", "--markdown", "out/comment.md", PYTHONPATH=str(ROOT / "src"))
    text = (root / "out" / "comment.md").read_text(encoding="utf-8")
    assert (done.returncode, done.stderr) == (1, "")
    shown = " ".join(done.stdout.split())
    assert "Failed: no worse than main (" in shown
    assert "worse). Too much: loss of macro-F1; loss of F1, happy; loss of F1, fear; rise of the ECE" in shown
    assert "| evaluate@cnn | train.epochs was 3, is 9; data: given/cnn.json, given/cnn.parquet |" in text
    assert "<summary>Confusion matrix, B - A</summary>" in text
    assert "| fear | **+30** | 0 | **-30** |" in text
    assert "| train.epochs | 3 | 9 |" in text


def test_a_difference_that_may_be_noise_is_open_and_passes(root):
    model(root, f"{OLD * (TIMES - 1)}hhhhhsssshhh", times=1, truth=TRUTH * TIMES)
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root)
    assert (report.passed, outcomes(report)) == (True, PASSED | {"no": "open"})
    assert "May be noise: loss of macro-F1" in report.results[-1].text


def test_a_lock_that_is_not_of_the_code_here_fails(root):
    (root / "src" / "code.py").write_text("x = 1")
    report = looked(root)
    assert (report.passed, outcomes(report)) == (False, PASSED | {"dvc.lock": "failed"})
    assert "(evaluate@cnn: code src/code.py is modified)" in report.results[0].text


def test_a_lock_of_a_pipeline_that_was_run_in_part_fails_in_a_fresh_clone(root):
    model(root, "hhhhhsssshhh")
    succeed(root, "dvc", "repro", "--quiet", "--single-item", "evaluate@cnn")
    commit(root)
    clone = root.parent / "clone"
    succeed(root, "git", "clone", "--quiet", ".", str(clone))
    item = looked(clone, "origin/change").results[0]
    assert (item.outcome, item.text) == (
        "failed",
        "is stale: run `dvc repro`, and commit its changes "
        "(export: data build/predictions/cnn.parquet is not the out of evaluate@cnn)",
    )


def test_predictions_that_are_nowhere_leave_the_reports_of_git_without_intervals(root):
    model(root, "hhhhhsssshhh")
    succeed(root, "dvc", "repro", "--quiet")
    lock = read_lock(succeed(root, "git", "show", "main:dvc.lock"))
    md5 = lock["evaluate@cnn"].outs["build/predictions/cnn.parquet"]
    (root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    report = looked(root)
    assert (report.passed, outcomes(report)) == (True, PASSED | {"no": "open"})
    assert "build/predictions/cnn.parquet: check" in report.results[-1].text
    assert report.tables[0].note == "The differences have no interval, and may be noise."
    assert [[cell.text for cell in row] for row in report.details[0].rows][2] == ["fear", "+30", "0", "-30"]


def test_other_test_faces_are_not_compared(root):
    model(root, OLD, times=TIMES + 1)
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root)
    assert (report.passed, outcomes(report)["no"]) == (True, "open")
    assert "was evaluated on 360 test faces (" in report.results[-1].text
    assert report.details == (), "confusion matrices of other faces are not subtracted"


def test_the_base_may_be_a_checkout(root):
    clone = root.parent / "base"
    succeed(root, "git", "clone", "--quiet", ".", str(clone))
    shutil.copytree(root / "build", clone / "build")
    model(root, "hhhhhhssshhf")
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root, str(clone))
    assert (report.title, outcomes(report)) == ("emopipe check: here against base", PASSED)
    assert report.tables[0].rows[0][-1].text == "better"


def test_a_base_that_was_never_run_leaves_the_comparison_open(root):
    succeed(root, "git", "rm", "--quiet", "--cached", "dvc.lock", "reports/export.json")
    succeed(root, "git", "commit", "--quiet", "--message", "without a run")
    report = looked(root, "HEAD")
    assert report.results[-1].text == "no reports/export.json in HEAD"
    assert {row[1].text for row in report.tables[-1].rows} == {"it is new"}


def test_what_is_no_base_is_one_line(root):
    with pytest.raises(WorkspaceError) as error:
        looked(root, "nowhere")
    assert str(error.value) == (
        "nowhere is no revision of git and no DVC experiment: `git log` and `dvc exp list -A` list them"
    )
    succeed(root, "git", "branch", "--quiet", "-D", "main")
    with pytest.raises(WorkspaceError) as error:
        looked(root)
    assert str(error.value) == (
        "there is no branch main to compare with: name a revision, an experiment or the folder of another checkout, "
        "`emopipe check --base ...`"
    )


def test_a_report_that_is_not_readable_is_one_line(root):
    (root / "reports" / "export.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"^reports/export\.json of here is not readable \([^\n]*\): run `dvc"):
        looked(root)
    assert json.loads((root / "given" / "export.json").read_text())
