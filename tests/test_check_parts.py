"""The parts of `emopipe check`: stages that ran again, data validation, the export, losses, and the text of all."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from emopipe.compare.check.checks import CheckReport, CheckResult, check_data, check_lock, check_parity
from emopipe.compare.check.exported import ExportedPair, check_exported, disjoint_losses
from emopipe.compare.check.models import paired_section, reported_confusion, reported_section
from emopipe.compare.check.stages import RecordedStage, stage_changes, stage_section
from emopipe.compare.check.text import MAX_BYTES, MAX_ROWS, check_markdown, check_text
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.promotion_rule import evaluate_losses, loss_params
from emopipe.core.params import load_params
from emopipe.core.state import StageRecord, StageState
from emopipe.evaluate.comparison import compare
from emopipe.evaluate.metrics import evaluate_split
from emopipe.faces.predictions import Predictions
from emopipe.tracking.comparison_tables import Cell, Section
from emopipe.tracking.explain import Reason, Rerun, outdated
from predicted import EXPORT, SAME_AS_TORCH, evaluated, predict
from projects import ROOT

PARAMS = load_params(ROOT / "params.yaml")


# Stages that ran again


def ran(
    stage="train@cnn", *, command="python train.py", params=None, inputs=None, outs=None
) -> dict[str, RecordedStage]:
    """dvc.lock with one stage."""
    state = StageState(stage, params or {}, inputs or {})
    return {stage: RecordedStage(StageRecord(state, outs or {"model": "m"}), command)}


def reasons(before: dict[str, RecordedStage], now: dict[str, RecordedStage]) -> list[tuple[str, list[str], list[str]]]:
    return [(change.stage, change.reasons, change.outs) for change in stage_changes(before, now)]


def test_the_same_stage_did_not_run_again():
    assert reasons(ran(), ran()) == []
    assert stage_section([]).note == "0 stages ran again."


def test_parameters_code_data_and_the_command_are_told_apart():
    before = ran(
        params={"train.epochs": 3, "base": {"seed": 0}},
        inputs={"src/emopipe/training/train_model.py": "a", "data": "a"},
    )
    now = ran(
        command="python train.py --fast",
        params={"train.epochs": 4, "base": {"seed": 0}},
        inputs={"src/emopipe/training/train_model.py": "b", "src/emopipe/new.py": "c", "data": "b"},
        outs={"model": "n"},
    )
    code = "code: new.py, training/train_model.py"
    told = ["its command was changed", "train.epochs was 3, is 4", code, "data: data"]
    assert reasons(before, now) == [("train@cnn", told, ["model"])]


def test_a_stage_that_ran_again_to_the_same_end_says_so():
    now = ran(inputs={"src/emopipe/training/train_model.py": "b"})
    assert reasons(ran(inputs={"src/emopipe/training/train_model.py": "a"}), now) == [
        ("train@cnn", ["code: training/train_model.py"], [])
    ]


def test_new_stages_and_those_that_are_gone_are_told():
    assert reasons(ran("a"), ran("b")) == [("b", ["it is new"], []), ("a", ["it was removed"], [])]


def test_outs_that_changed_for_no_reason_that_dvc_knows_are_told():
    (change,) = stage_changes(ran(), ran(outs={"model": "n"}))
    assert (change.reasons, change.outs) == (["unknown to DVC: it was run again by hand"], ["model"])


def test_models_that_ran_for_the_same_reason_stand_in_one_row():
    before, now = (
        {name: one for model in ("cnn", "vgg") for name, one in ran(f"train@{model}", params={"epochs": num}).items()}
        for num in (3, 4)
    )
    section = stage_section(stage_changes(before, now))
    assert [[cell.text for cell in row] for row in section.rows] == [["train@cnn, vgg", "epochs was 3, is 4", "none"]]


# One state alone


def stages(**reasons: list[Reason]) -> dict[str, Rerun]:
    """A chain of stages, each with its reasons to run again."""
    names = list(reasons)
    return {name: Rerun(reasons[name], names[max(number - 1, 0) : number]) for number, name in enumerate(names)}


def test_a_stale_lock_fails_with_the_first_reason_and_what_to_do():
    assert check_lock(stages(train=[], export=[])).outcome == "passed"
    item = check_lock(stages(train=[Reason("code train.py is modified")], export=[Reason("data x is modified")]))
    assert (item.outcome, item.text) == (
        "failed",
        "is stale: run `dvc repro`, and commit its changes (train: code train.py is modified, and 1 more would run "
        "again)",
    )


def test_where_outs_are_missing_a_stale_lock_needs_them_first():
    missing = Reason("its out model is deleted", is_missing=True)
    assert check_lock(stages(train=[missing])).outcome == "passed"
    item = check_lock(stages(train=[missing], export=[Reason("code is modified")]))
    assert item.text.startswith("is stale: run `dvc pull` and `dvc repro`, and commit its changes (export: code")


def test_what_depends_on_a_stale_stage_is_outdated_and_what_comes_before_is_not():
    changed = Reason("code is modified")
    assert outdated(stages(ingest=[], validate=[changed], train=[], export=[])) == {"validate", "train", "export"}


def expectation(text, severity, *, success):
    return {"text": text, "severity": severity, "success": success}


def test_a_broken_critical_expectation_fails_and_a_broken_warning_is_told():
    report = {"rows_in": 2040, "rows_out": 1994}
    held, warned = expectation("a", "critical", success=True), expectation("few blurred", "warning", success=False)
    broken = expectation("no leak", "critical", success=False)
    told = [check_data(report | {"expectations": found}) for found in ([held], [held, warned], [held, warned, broken])]
    assert [(item.outcome, item.text) for item in told] == [
        ("passed", "1 expectations, all hold; 1,994 of 2,040 faces kept"),
        ("passed", "2 expectations, 1 broken, of severity warning: few blurred; 1,994 of 2,040 faces kept"),
        ("failed", "broken: no leak; 1,994 of 2,040 faces kept"),
    ]
    item = check_data(None, "not measured, since dvc.lock is stale")
    assert (item.outcome, item.text) == ("open", "not measured, since dvc.lock is stale")


def test_an_export_that_predicts_something_else_fails():
    assert check_parity(EXPORT, PARAMS.export).outcome == "passed"
    worse = {"onnx_one_by_one": SAME_AS_TORCH | {"agreement": 0.99}}
    item = check_parity(EXPORT | {"parity": EXPORT["parity"] | worse}, PARAMS.export)
    assert (item.outcome, "on 99.00% of the faces" in item.text) == ("failed", True)
    assert check_parity(None, PARAMS.export, "not measured").outcome == "open"


# Two models

TRUTH = "hhhhhhssssff"


def compared(a: str, b: str, *, times: int = 20):
    models = (evaluated(name, predict(TRUTH, said, times=times)) for name, said in (("old", a), ("new", b)))
    return compare(*models, confidence=0.97, resamples=500, seed=0)


@pytest.mark.parametrize(
    ("a", "b", "times", "decision", "failed"),
    [
        (TRUTH, TRUTH, 20, "promote", []),
        ("hhhhhsssshhh", "hhhhhsssshfh", 20, "promote", []),
        (
            TRUTH,
            "hhhhhhsssshh",
            20,
            "reject",
            ["change in macro-F1", "change in F1 of happy", "change in F1 of fear", "change in NLL"],
        ),
        (TRUTH, "hhhhhhssssfh", 1, "insufficient evidence", []),
    ],
    ids=["the same", "better", "fear is lost", "one face of twelve"],
)
def test_only_a_loss_that_is_no_noise_fails(a, b, times, decision, failed):
    verdict = evaluate_losses(compared(a, b, times=times), PARAMS.promote)
    assert verdict.decision == decision
    assert [check.name for check in verdict.checks if check.outcome == "failed"] == failed


def test_the_conditions_on_losses_hold_together_with_the_confidence_of_the_rule():
    strict = loss_params(PARAMS.promote, num_classes=7)
    assert 1 - strict.confidence == pytest.approx((1 - PARAMS.promote.confidence) / len(losses_of_seven()))


def losses_of_seven() -> tuple:
    classes = tuple("abcdefg")
    same = Predictions(
        pd.DataFrame({"id": list(classes), "split": "test", "label": list(classes)}).join(
            pd.DataFrame(np.eye(7, dtype=np.float32), columns=list(classes))
        ),
        classes,
    )
    figures = compare(evaluated("a", same), evaluated("b", same), confidence=0.97, resamples=100, seed=0)
    return evaluate_losses(figures, PARAMS.promote).checks


def test_two_models_are_shown_with_intervals_and_what_they_mean():
    worse, same = compared(TRUTH, "hhhhhhsssshh"), compared(TRUTH, TRUTH)
    section = paired_section({"cnn": worse, "vgg": same}, "main", "A note.")
    assert section.note == "A note."
    assert section.header == ("model", "", "main", "here", "difference", "97% interval", "")
    says = [(row[0].text, row[1].text, row[-1]) for row in section.rows]
    assert says[0] == ("cnn", "macro-F1", Cell("worse", "worse"))
    assert says[2] == ("vgg", "macro-F1", Cell("same predictions", "noise"))


def report_of(confusion, model="cnn"):
    total = sum(map(sum, confusion))
    right = sum(row[k] for k, row in enumerate(confusion)) / total
    test = {"num_faces": total, "confusion": confusion, "accuracy": right, "macro_f1": 0.5, "ece": 0.1}
    return {"model": model, "classes": ["happy", "sad"], "test": test | {"accuracy_ci": [0.1, 0.9]}}


def test_reports_alone_give_differences_without_intervals():
    before, now = report_of([[3, 1], [0, 4]]), report_of([[4, 0], [1, 3]])
    section = reported_section({"cnn": before, "gone": before}, {"cnn": now, "new": now}, "main", "May be noise.")
    assert [cell.text for cell in section.rows[0]] == [
        *("cnn", "accuracy", "0.875 (0.100 to 0.900)", "0.875 (0.100 to 0.900)", "+0.000"),
    ]
    assert {row[0].text for row in section.rows} == {"cnn"}
    confusion = reported_confusion(before, now)
    assert [[cell.text for cell in row] for row in confusion.rows] == [["happy", "+1", "-1"], ["sad", "+1", "-1"]]
    assert reported_confusion(before, report_of([[4, 0], [1, 4]])) is None, "other test faces"


@pytest.mark.parametrize(
    ("interval", "lost"),
    [([0.2, 0.3], ["macro-F1 0.807 -> 0.250"]), ([0.2, 0.77], []), ([0.85, 0.9], [])],
    ids=["disjoint, a loss", "overlapping", "disjoint, a gain"],
)
def test_only_disjoint_intervals_with_a_loss_decide_without_pairs(interval, lost):
    before, now = {"macro_f1": 0.807, "macro_f1_ci": [0.76, 0.84]}, {"macro_f1": 0.25, "macro_f1_ci": interval}
    assert disjoint_losses({"test": before}, {"test": now}) == lost
    assert disjoint_losses({"test": before}, {"test": {"macro_f1": 0.25}}) == [], "without an interval"


class View:
    """A state with one model, which is evaluated and exported."""

    def __init__(self, name: str, predictions: Predictions):
        self.name, self.predictions = name, predictions

    def digest(self, model: str) -> str:
        return self.name

    def model(self, model: str) -> ModelRef:
        return ModelRef(name=self.name, predictions=(self.predictions,), params={}, data={})

    def evaluated(self, models: list[str]) -> dict:
        test = self.predictions.split("test")
        metrics = evaluate_split(test.probabilities, test.labels, test.classes, resamples=2000, seed=0)
        return {model: {"classes": list(test.classes), "test": metrics} for model in models}


def test_on_equal_test_faces_disjoint_intervals_fail_though_the_paired_ones_hold_zero():
    truth = "hs" * 50
    swapped = truth.translate(str.maketrans("hs", "sh"))
    before, now = (
        View(name, predict(truth, said, sure=0.5))
        for name, said in (("main", truth[:60] + swapped[60:]), ("here", swapped[:60] + truth[60:]))
    )
    result, _ = check_exported(ExportedPair(before=before, now=now, old="cnn", new="cnn"), PARAMS.promote, seed=0)
    assert result.outcome == "failed"
    assert "May be noise: change in macro-F1" in result.text
    assert result.text.endswith("Disjoint 95% intervals: macro-F1 0.400 -> 0.267")


def test_metrics_of_git_stand_in_for_reports():
    section = reported_section({"cnn": {"test": {"accuracy": 0.5}}}, {"cnn": {"test": {"accuracy": 0.75}}}, "main", "")
    assert [[cell.text for cell in row] for row in section.rows] == [["cnn", "accuracy", "0.500", "0.750", "+0.250"]]
    assert reported_confusion({"test": {}}, report_of([[3, 1], [0, 4]])) is None


# The text

LONG = Section(
    key="long",
    title="A matrix of 60 classes",
    note="",
    header=("", *map(str, range(60))),
    rows=tuple((Cell(f"c{row}"), *[Cell("+1000")] * 60) for row in range(60)),
)
SHORT = Section(key="a", title="a|b <b>*[x]", note="", header=("", "x"), rows=((Cell("y"), Cell("<i>1")),) * 20)


def made(*outcomes, details=()) -> CheckReport:
    results = tuple(CheckResult(f"part {number}", outcome, "is so") for number, outcome in enumerate(outcomes))
    return CheckReport(title="here against main", results=results, tables=(SHORT, SHORT), details=details)


@pytest.mark.parametrize(
    ("outcomes", "passed", "headline"),
    [
        (("passed", "passed"), True, "Passed"),
        (("passed", "open"), True, "Passed; open: part 1"),
        (("failed", "open"), False, "Failed: part 0"),
    ],
)
def test_one_part_that_fails_fails_all_and_an_open_one_does_not(outcomes, passed, headline):
    report = made(*outcomes)
    assert (report.passed, report.headline) == (passed, headline)


def test_an_open_check_fails_where_the_parameter_says_so():
    report = replace(made("passed", "open"), on_open="fail")
    assert (report.passed, report.headline) == (False, "Failed, as promote.on_open is fail; open: part 1")
    assert replace(made("passed"), on_open="fail").passed


def test_the_comment_begins_with_the_verdict_and_folds_what_is_long():
    text = check_markdown(made("passed", "failed", details=(SHORT,)))
    assert text.startswith(
        "### here against main\n\n**Failed: part 1.** 0 stages ran again.\n\n| check | outcome | finding |\n"
    )
    assert "| part 0 | passed | is so |\n| part 1 | **failed** | is so |" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert "<summary>a\\|b &lt;b&gt;\\*[x]</summary>" in text
    assert "<b>" not in text.replace("</details>", "")
    assert "<i>" not in text


def test_a_comment_is_never_too_long_and_names_what_it_leaves_out():
    text = check_markdown(made("passed", details=(LONG, SHORT)))
    assert len(text.encode()) <= MAX_BYTES
    assert "Too long for a comment: A matrix of 60 classes. `emopipe check` shows the tables." in text
    assert text.count("<details>") == 2, "a short table after it still stands"


def test_the_terminal_shows_the_first_rows_and_says_where_the_others_are():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(check_text(made("passed", "open", details=(LONG,))))
    shown = console.export_text()
    assert shown.startswith("here against main\nPassed; open: part 1. 0 stages ran again.\n")
    assert shown.count("<i>1") == 2 * MAX_ROWS
    assert f"The first {MAX_ROWS} of 20; --markdown FILE has all." in shown
    assert len(shown.splitlines()) < 40
