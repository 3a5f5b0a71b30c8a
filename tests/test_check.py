"""`emopipe check` on a pipeline of copies whose models are made up, with its git history and DVC's cache."""

import json
import shutil
from pathlib import Path

import pytest

from emopipe.compare.check.check import check
from emopipe.compare.check.checks import CheckReport
from emopipe.core.dvc_lock import read_lock
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_json, write_parquet
from emopipe.core.params import load_params
from emopipe.evaluate.metrics import evaluate_split
from emopipe.faces.predictions import predictions_to_arrow
from predicted import EXPORT, predict
from projects import ROOT, change_params, run, succeed

pytestmark = pytest.mark.slow

STAGES = """
stages:
  validate:
    cmd: mkdir -p reports && cp given/validate.json reports
    deps: [given/validate.json]
    outs: [reports/validate.json]
  evaluate:
    matrix: {model: "${models}"}
    cmd: >-
      mkdir -p build/predictions reports/evaluate metrics && cp given/${item.model}.parquet build/predictions &&
      cp given/${item.model}.json reports/evaluate && cp given/${item.model}_metrics.json metrics/${item.model}.json
    params: [train.epochs]
    deps: ["given/${item.model}.parquet", "given/${item.model}.json", src/code.py]
    outs:
      - build/predictions/${item.model}.parquet
      - reports/evaluate/${item.model}.json
      - metrics/${item.model}.json: {cache: false}
  export:
    cmd: cp given/export.json reports
    deps: [given/export.json, build/predictions/cnn.parquet, build/predictions/vgg.parquet]
    outs: [reports/export.json]
"""
TRUTH = "hhhhhhssssff"
OLD = "hhhhhsssshhf"  # right on 9 of 12
WORSE = "hhhhssssshhf"  # right on 8
TIMES = 30
STALE = "not measured, since dvc.lock is stale"


def model(root: Path, said: str, *, name: str = "cnn", times: int = TIMES, truth: str = TRUTH) -> None:
    """Give the project these answers of a model."""
    predictions = predict(truth, said, sure=0.9, times=times)
    test = predictions.split("test")
    metrics = evaluate_split(test.probabilities, test.labels, test.classes, resamples=200, seed=0)
    report = {"model": name, "classes": list(predictions.classes), "test": metrics}
    write_parquet(root / "given" / f"{name}.parquet", predictions_to_arrow(predictions))
    write_json(root / "given" / f"{name}.json", report)
    write_json(root / "given" / f"{name}_metrics.json", {"test": {"acc": metrics["accuracy"], "f1": 0.5}})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A project whose branch main is committed, and what it says of its models is in DVC's cache."""
    root = tmp_path_factory.mktemp("check") / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "code.py").write_text("")
    (root / "dvc.yaml").write_text(STAGES)
    (root / ".gitignore").write_text("/build/\n/reports/\n")
    shutil.copy(ROOT / "params.yaml", root)
    change_params(root, models=["cnn", "vgg"])
    model(root, OLD)
    model(root, TRUTH, name="vgg")
    expectation = {"text": "no leak", "severity": "critical", "success": True}
    write_json(root / "given" / "validate.json", {"rows_in": 400, "rows_out": 361, "expectations": [expectation]})
    write_json(root / "given" / "export.json", EXPORT)
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


def remove_from_cache(root: Path, md5: str) -> None:
    (root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()


def hash_on_main(root: Path, path: str) -> str:
    """DVC's hash of an out."""
    records = read_lock(succeed(root, "git", "show", "main:dvc.lock"))
    return next(record.outs[path] for record in records.values() if path in record.outs)


def test_of_a_clone_without_outs_equal_hashes_pass_and_the_rest_is_not_measured(root):
    for name in ("build", "reports", ".dvc/cache"):
        shutil.rmtree(root / name)
    report = looked(root)
    assert outcomes(report) == PASSED | {"data": "open", "parity": "open"}
    assert report.title.startswith("emopipe check: here against main (")
    assert report.results[1].text == (
        "not measured: reports/validate.json of here is in no cache and no remote that is set: run `dvc pull` or "
        "`dvc repro`"
    )
    assert report.results[-1].text == "all models give the same predictions, by their hashes in dvc.lock"
    assert [part.note for part in report.tables if part.key == "stages"] == ["0 stages ran again."]
    assert report.tables[0].note == "The same predictions, by their hashes in dvc.lock: cnn, vgg."
    assert [cell.text for cell in report.tables[0].rows[0]] == ["cnn", "accuracy", "0.750", "0.750", "+0.000"]


def test_outs_that_are_only_in_the_cache_are_read_there(root):
    model(root, "hhhhhsssshhh")
    succeed(root, "dvc", "repro", "--quiet")
    for name in ("build", "reports"):
        shutil.rmtree(root / name)
    assert outcomes(looked(root)) == PASSED | {"no": "failed"}


def test_a_base_that_kept_its_reports_in_git_is_compared(root):
    old = STAGES
    for report in ("validate", "evaluate/${item.model}", "export"):
        old = old.replace(f"reports/{report}.json]", f"reports/{report}.json: {{cache: false}}]")
        old = old.replace(f"- reports/{report}.json", f"- reports/{report}.json: {{cache: false}}")
    (root / "dvc.yaml").write_text(old)
    (root / ".gitignore").write_text("/build/\n")
    succeed(root, "dvc", "repro", "--quiet", "--force")
    commit(root)
    (root / "dvc.yaml").write_text(STAGES)
    succeed(root, "git", "rm", "--quiet", "-r", "--cached", "reports")
    model(root, WORSE)
    succeed(root, "dvc", "repro", "--quiet")
    shutil.rmtree(root / ".dvc" / "cache")
    report = looked(root, "HEAD")
    assert outcomes(report) == PASSED | {"no": "open"}
    assert "undecided: the 95% intervals are not disjoint with a loss" in report.results[-1].text, "from git's reports"


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
    assert "worse). Too much: change in macro-F1; change in F1 of happy; change in F1 of fear; change in NLL" in shown
    assert "| evaluate@cnn | train.epochs was 8, is 9; data: given/cnn.json, given/cnn.parquet |" in text
    assert "<summary>Confusion matrix, B - A</summary>" in text
    assert "| fear | **+30** | 0 | **-30** |" in text
    assert "| train.epochs | 8 | 9 |" in text


def test_a_difference_that_may_be_noise_is_open_and_passes(root):
    model(root, f"{OLD * (TIMES - 1)}hhhhhsssshhh", times=1, truth=TRUTH * TIMES)
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root)
    assert (report.passed, outcomes(report)) == (True, PASSED | {"no": "open"})
    assert "May be noise: change in macro-F1" in report.results[-1].text
    change_params(root, promote__on_open="fail")
    done = run(root, "emopipe", "check", PYTHONPATH=str(ROOT / "src"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "Failed, as promote.on_open is fail; open: no worse than main (" in " ".join(done.stdout.split())


def test_a_lock_that_is_not_of_the_code_here_fails(root):
    (root / "src" / "code.py").write_text("x = 1")
    report = looked(root)
    assert outcomes(report) == PASSED | {"dvc.lock": "failed", "parity": "open", "no": "open"}
    assert ": code src/code.py is modified, and 1 more would run again)" in report.results[0].text
    assert [item.text for item in report.results[2:]] == [STALE, STALE]
    assert [part.key for part in report.tables] == ["stages"]


def test_a_lock_of_a_pipeline_that_was_run_in_part_fails_in_a_fresh_clone(root):
    model(root, "hhhhhsssshhh")
    succeed(root, "dvc", "repro", "--quiet", "--single-item", "evaluate@cnn")
    commit(root)
    clone = root.parent / "clone"
    succeed(root, "git", "clone", "--quiet", ".", str(clone))
    item = looked(clone, "origin/change").results[0]
    assert (item.outcome, item.text) == (
        "failed",
        "is stale: run `dvc pull` and `dvc repro`, and commit its changes "
        "(export: data build/predictions/cnn.parquet is not the out of evaluate@cnn)",
    )


def test_without_predictions_overlapping_intervals_are_open(root):
    model(root, WORSE)
    succeed(root, "dvc", "repro", "--quiet")
    remove_from_cache(root, hash_on_main(root, "build/predictions/cnn.parquet"))
    report = looked(root)
    assert (report.passed, outcomes(report)) == (True, PASSED | {"no": "open"})
    assert "has no build/predictions/cnn.parquet: run `dvc fetch --all-commits`" in report.results[-1].text
    assert report.tables[0].note.endswith("The differences are not of pairs of predictions, and may be noise.")
    assert [cell.text for cell in report.details[0].rows[0]] == ["happy", "-30", "+30", "0"]


def test_without_predictions_disjoint_intervals_fail(root):
    model(root, "h" * 12)
    succeed(root, "dvc", "repro", "--quiet")
    remove_from_cache(root, hash_on_main(root, "build/predictions/cnn.parquet"))
    report = looked(root)
    assert outcomes(report) == PASSED | {"no": "failed"}
    assert report.results[-1].text.startswith("disjoint 95% intervals: accuracy 0.750 -> 0.500, macro-F1 0.")


def test_without_a_report_the_models_are_not_measured(root):
    model(root, "hhhhhsssshhh")
    succeed(root, "dvc", "repro", "--quiet")
    for path in ("build/predictions/cnn.parquet", "reports/evaluate/cnn.json"):
        remove_from_cache(root, hash_on_main(root, path))
    report = looked(root)
    assert outcomes(report) == PASSED | {"no": "open"}
    assert report.results[-1].text.startswith("not measured: reports/evaluate/cnn.json of main (")
    assert [cell.text for cell in report.tables[0].rows[0]][2:] == ["0.750", "0.667 (0.617 to 0.714)", "-0.083"]


def test_a_model_that_is_not_exported_does_not_decide(root):
    model(root, "hhhhhhssshhf")
    model(root, "h" * 12, name="vgg")
    succeed(root, "dvc", "repro", "--quiet")
    remove_from_cache(root, hash_on_main(root, "build/predictions/vgg.parquet"))
    report = looked(root)
    assert outcomes(report) == PASSED
    assert report.tables[0].note == "Left out, as a paired comparison is not possible: vgg."
    assert {row[0].text for row in report.tables[0].rows} == {"cnn"}


def test_a_loss_on_other_test_faces_is_open_until_the_intervals_are_disjoint(root):
    model(root, OLD, times=TIMES + 1)
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root)
    assert (report.passed, outcomes(report)["no"]) == (True, "open")
    assert report.results[-1].text == (
        "undecided: the 95% intervals are not disjoint with a loss; the test faces differ, so there is no paired "
        "comparison"
    )
    assert report.details == (), "confusion matrices of other faces are not subtracted"
    model(root, "h" * 12, times=TIMES + 1)
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root)
    assert (report.passed, outcomes(report)["no"]) == (False, "failed")
    assert report.results[-1].text.startswith("disjoint 95% intervals: accuracy 0.750 -> 0.500, macro-F1 0.")
    assert report.results[-1].text.endswith("; the test faces differ, so there is no paired comparison")


def test_the_base_may_be_a_checkout(root):
    clone = root.parent / "base"
    succeed(root, "git", "clone", "--quiet", ".", str(clone))
    for name in ("build", "reports"):
        shutil.copytree(root / name, clone / name)
    model(root, "hhhhhhssshhf")
    succeed(root, "dvc", "repro", "--quiet")
    report = looked(root, str(clone))
    assert (report.title, outcomes(report)) == ("emopipe check: here against base", PASSED)
    assert report.tables[0].rows[0][-1].text == "better"


def test_a_base_that_was_never_run_leaves_the_comparison_open(root):
    succeed(root, "git", "rm", "--quiet", "--cached", "dvc.lock")
    succeed(root, "git", "commit", "--quiet", "--message", "without a run")
    report = looked(root, "HEAD")
    assert report.results[-1].text == (
        "not measured: HEAD has no reports/export.json, as the stage that writes it has not run: `dvc repro`"
    )
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
