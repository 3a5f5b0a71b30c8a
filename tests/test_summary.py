"""The summary of a run, in a narrow terminal and as Markdown."""

from rich.console import Console

from emopipe.cli.summary import summary_markdown, summary_text
from emopipe.tracking.report import report_metrics, report_note


def report(model, val, test):
    def figures(value):
        overall = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "ece", "classwise_ece", "nll"), value)
        classes = {
            "no": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 4},
            "yes": {"precision": 0.125, "recall": 1.0, "f1": 2 / 9, "support": 1},
        }
        overall |= {f"{name}_ci": [value - 0.1, value + 0.1] for name in ("accuracy", "macro_f1")}
        overall["majority_class"] = {"class": "no", "accuracy": 0.8, "balanced_accuracy": 0.5, "macro_f1": 4 / 9}
        overall["better_than_chance"] = value > 0.5
        return overall | {"num_faces": 5, "confusion": [[1, 3], [0, 1]], "per_class": classes}

    return {"model": model, "classes": ["no", "yes"], "val": figures(val), "test": figures(test)}


REPORTS = [report("cnn", 0.5, 0.75), report("efficientnet_b0", 0.625, 0.25)]
EXPORT = {
    "model": "efficientnet_b0",
    "select_by": "macro_f1",
    "parity": {"int8": {"kept": False, "agreement": 0.975, "macro_f1_loss": 0.0137}},
}
REGISTER = {"registered_model": "emopipe"}
VALIDATE = {
    "rows_in": 2040,
    "rows_out": 1983,
    "expectations": [
        {"text": "no picture is in two splits", "success": True, "num_unexpected": 0, "num_rows": 1983},
        {"text": "no picture is in test twice", "success": False, "num_unexpected": 4, "num_rows": 300},
    ],
}


def shown(width):
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(summary_text(REPORTS, EXPORT, REGISTER, VALIDATE))
    return capture.get()


def test_the_table_fits_into_80_columns_whole():
    text = shown(80)
    assert "…" not in text
    assert "│ efficientnet_b0 │ 0.625 0.250 │ 0.625 0.250 │ 0.625 0.250 │ 0.625 0.250 │" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_best_on_validation_comes_first_and_is_named():
    lines = shown(80).splitlines()
    rows = [line.split()[1] for line in lines if line.startswith("│")]
    assert rows == ["efficientnet_b0", "cnn", "majority"]
    assert "efficientnet_b0 is in exports/: the best single model by macro-F1 on validation" in lines


def test_models_are_shown_beside_chance():
    text = shown(80)
    assert "│ majority class  │ 0.800 0.800 │ 0.500 0.500 │ 0.444 0.444 │   -     -   │" in text
    assert "warning      cnn is not better than chance on validation" in text
    assert "efficientnet_b0 is not better" not in text
    markdown = summary_markdown(REPORTS, EXPORT, REGISTER, VALIDATE)
    assert "| majority class | 0.800 | 0.500 | 0.444 | - | 0.800 | 0.500 | 0.444 | - |" in markdown


def test_reports_of_an_earlier_release_are_shown_without_chance():
    def earlier(one):
        parts = {
            split: {k: v for k, v in one[split].items() if "chance" not in k and "majority" not in k}
            for split in ("val", "test")
        }
        return one | parts

    reports = [earlier(one) for one in REPORTS]
    assert "majority" not in summary_markdown(reports, EXPORT, REGISTER, VALIDATE)
    assert "majority" not in report_note(reports[0])


def test_the_summary_names_the_outputs():
    text = shown(80)
    for place in ("exports/", "reports/index.html", "reports/validation/index.html", "make ui"):
        assert place in text
    assert "1,983 of 2,040 faces kept" in text
    assert "left out: 97.5% agreement with torch on validation, macro-F1 -0.014" in text


def test_warnings_about_the_data_are_shown():
    assert "warning      no picture is in test twice: broken by 4 of 300 rows" in shown(80)
    assert "in two splits" not in shown(80)


def test_markdown_holds_the_confusion_matrix_of_the_exported_model():
    lines = summary_markdown(REPORTS, EXPORT, REGISTER, VALIDATE).splitlines()
    assert "## Confusion matrix of efficientnet_b0 on test (rows: truth)" in lines
    assert lines[-4:] == ["|  | no | yes |", "| --- | --- | --- |", "| **no** | 1 | 3 |", "| **yes** | 0 | 1 |"]


def test_metrics_of_a_split_share_its_prefix():
    metrics = report_metrics(REPORTS[0], "test")
    assert metrics["test/accuracy"] == 0.75
    assert metrics["test/recall/no"] == 0.25
    assert all(name.startswith("test/") for name in metrics)


def test_the_note_of_a_run_is_two_tables():
    assert report_note(REPORTS[0]).splitlines() == [
        "## cnn",
        "",
        "|  | val: 5 faces | test: 5 faces |",
        "| --- | --- | --- |",
        "| accuracy | 0.500 (0.400 to 0.600) | 0.750 (0.650 to 0.850) |",
        "| balanced_accuracy | 0.500 | 0.750 |",
        "| macro_f1 | 0.500 (0.400 to 0.600) | 0.750 (0.650 to 0.850) |",
        "| ece | 0.500 | 0.750 |",
        "| classwise_ece | 0.500 | 0.750 |",
        "| nll | 0.500 | 0.750 |",
        "| accuracy of the majority class | 0.800 | 0.800 |",
        "| better than chance | **no** | yes |",
        "",
        "## Each class, on test",
        "",
        "| class | faces | precision | recall | f1 |",
        "| --- | --- | --- | --- | --- |",
        "| no | 4 | 0.500 | 0.250 | 0.333 |",
        "| yes | 1 | 0.125 | 1.000 | 0.222 |",
    ]
