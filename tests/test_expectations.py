import html
import json
import re
import runpy
import time
from pathlib import Path

import pytest
import tzlocal

from emopipe.core.errors import GateError
from emopipe.core.files import read_json, read_parquet, write_parquet
from emopipe.core.params import load_params
from emopipe.faces.table import count_faces, faces_from_arrow, faces_to_arrow
from emopipe.validate.corrections import Corrections
from emopipe.validate.data_docs import data_docs
from emopipe.validate.expectations import broken_expectations, check, face_table
from emopipe.validate.validate import validate
from face_tables import evidence_of, faces_of, file_of, validate_params

ROOT = Path(__file__).parent.parent
CLASSES = ("happy", "sad")
NONE = Corrections({}, {})
SOUND = (
    "train happy A",
    "train sad B",
    "train sad C",
    "val happy D",
    "val sad E",
    "test happy F",
    "test sad G",
)


def checked(faces, **changes):
    counts = count_faces(faces.frame, CLASSES)
    return check(evidence_of(faces), counts, CLASSES, validate_params(**changes))


def validated(faces, corrections=NONE, **changes):
    return validate(file_of(faces), CLASSES, validate_params(**changes), corrections, seed=0)


def broken(faces, **changes):
    outcomes, _ = checked(faces, **changes)
    return {outcome.text: outcome.severity for outcome in outcomes if not outcome.success}


def gate_error(faces, **changes):
    with pytest.raises(GateError) as error:
        validated(faces, **changes)
    assert_evidence(error.value)
    return str(error.value)


def assert_evidence(error: GateError):
    """The whole page, as of a table that passes, and why it stops the pipeline."""
    assert {"index.html", "findings.csv", "suspects.csv", "data_docs/index.html", "report.json"} <= set(error.evidence)
    page = error.evidence["index.html"].decode()
    assert '<span class="tag critical">stopped</span>' in page
    assert str(error) in html.unescape(page)
    report = json.loads(error.evidence["report.json"])
    assert report["rows_in"] == report["rows_out"] + sum(report["dropped"].values())


@pytest.mark.slow
def test_a_sound_table_holds_all_expectations():
    assert broken(faces_of(*SOUND)) == {}


def test_the_table_of_faces_holds_their_measures():
    faces = faces_of("train happy A", "val sad A", "train sad blank", height=16, width=40)
    measured = face_table(evidence_of(faces))
    assert measured["aspect"].tolist() == [2.5, 2.5, 2.5]
    assert measured["side"].tolist() == [16, 16, 16]
    assert measured["spread"].tolist() == [255, 255, 0]
    assert measured["num_splits"].tolist() == [2, 2, 1]
    assert measured["num_labels"].tolist() == [2, 2, 1]


@pytest.mark.slow
def test_defects_in_train_are_critical():
    faces = faces_of(*SOUND, "train happy A", "train happy B", "train sad blank", "train happy G")
    assert broken(faces) == {
        "no picture is in two splits": "critical",
        "no picture is in train twice with one label": "critical",
        "no picture in train has two labels": "critical",
        "no picture in test has two labels": "warning",
        "no picture in train is blank (validate.constant_range is 4)": "critical",
    }


@pytest.mark.slow
def test_defects_that_a_policy_keeps_are_warnings():
    faces = faces_of(*SOUND, "train happy A", "train happy B", "train sad blank", "train sad G")
    kept = {"exact_duplicate": "keep", "label_conflict": "keep", "constant_image": "keep", "split_leak": "keep"}
    assert broken(faces, **kept) == {
        "no picture is in two splits": "warning",
        "no picture is in train twice with one label": "warning",
        "no picture in train has two labels": "warning",
        "no picture in train is blank (validate.constant_range is 4)": "warning",
    }


@pytest.mark.slow
def test_defects_in_test_are_warnings():
    faces = faces_of(*SOUND, "test happy F", "test sad F", "test sad blank")
    assert broken(faces) == {
        "no picture is in test twice with one label": "warning",
        "no picture in test has two labels": "warning",
        "no picture in test is blank (validate.constant_range is 4)": "warning",
    }


@pytest.mark.slow
def test_small_and_elongated_pictures_stop_the_pipeline_only_by_policy_and_outside_test():
    faces, kinds = faces_of(*SOUND, height=8, width=20), ("small_image", "elongated_image")
    assert set(broken(faces, **dict.fromkeys(kinds, "keep")).values()) == {"warning"}
    assert broken(faces, **dict.fromkeys(kinds, "fail")) == {
        f"every side in {split} has at least 16 pixels (validate.min_size)": severity
        for split, severity in (("train", "critical"), ("val", "critical"), ("test", "warning"))
    } | {
        f"no side in {split} is over 2 times the other (validate.max_aspect)": severity
        for split, severity in (("train", "critical"), ("val", "critical"), ("test", "warning"))
    }


@pytest.mark.slow
def test_an_unknown_class_stops_the_pipeline_in_one_line():
    assert gate_error(faces_of(*SOUND, "train contempt H", "val contempt I")) == (
        "every label is one of happy, sad: broken by 2 of 9 rows (f.csv:8, f.csv:9). "
        "Correct the source, or the section validate of params.yaml"
    )


@pytest.mark.slow
def test_a_class_without_faces_stops_the_pipeline_and_is_named():
    faces = faces_of(*(row for row in SOUND if row not in ("val sad E", "train happy A")))
    assert gate_error(faces, min_train_faces=2) == (
        "every class has 2 or more faces in train (validate.min_train_faces): broken by 1 of 2 rows "
        "(train/happy has 0); "
        "every class has 1 or more faces in val: broken by 1 of 2 rows (val/sad has 0). "
        "Correct the source, or the section validate of params.yaml"
    )


@pytest.mark.slow
def test_a_split_without_faces_stops_the_pipeline():
    faces = faces_of(*(row for row in SOUND if not row.startswith("test")))
    assert "every class has 1 or more faces in test: broken by 2 of 2 rows (test/happy has 0, test/sad has 0)" in (
        gate_error(faces)
    )


@pytest.mark.slow
def test_a_table_without_faces_stops_the_pipeline():
    assert "every class has 1 or more faces in train (validate.min_train_faces)" in gate_error(faces_of())


@pytest.mark.slow
def test_a_row_of_an_unknown_class_that_is_dropped_is_in_the_report_of_the_gate():
    faces = faces_of(*SOUND, "train contempt H", "train contempt H", "train happy A")
    assert "every label is one of happy, sad: broken by 1 of 8 rows (f.csv:8)" in gate_error(faces)


@pytest.mark.slow
def test_a_policy_of_fail_leaves_a_page_with_the_expectations():
    faces = faces_of(*SOUND, "train happy A")
    with pytest.raises(GateError, match=r"^exact_duplicate: expected none ") as error:
        validated(faces, exact_duplicate="fail")
    assert_evidence(error.value)
    assert "every class has 1 or more faces in val" in error.value.evidence["index.html"].decode()


@pytest.mark.slow
def test_an_id_that_is_no_digest_stops_the_pipeline():
    faces = faces_of(*SOUND)
    faces.frame.loc[1, "id"] = "B"
    outcomes, _ = checked(faces)
    assert broken_expectations(outcomes).startswith("every id is 32 hex digits: broken by 1 of 7 rows (f.csv:2). Corr")


@pytest.mark.slow
def test_the_report_accounts_for_every_row_once():
    defects = ("train happy A", "train sad D", "val sad blank", "train sad blank", "test happy F")
    faces = faces_of(*SOUND, *defects, "val happy H")
    result = validated(faces)
    report = result.report
    assert report["rows_in"] == 13
    assert report["rows_out"] == result.kept.sum() == 8
    dropped = {"constant_image": 2, "split_leak": 1, "label_conflict": 1, "exact_duplicate": 1}
    assert {kind: count for kind, count in report["dropped"].items() if count} == dropped
    assert report["dropped_by_split"]["constant_image"] == {
        "train": {"happy": 0, "sad": 1},
        "val": {"happy": 0, "sad": 1},
        "test": {"happy": 0, "sad": 0},
    }
    parts = [report["by_split"], *report["dropped_by_split"].values()]
    for split, by_class in report["by_split_in"].items():
        assert by_class == {label: sum(part[split][label] for part in parts) for label in CLASSES}
    assert report["by_split"]["test"] == {"happy": 2, "sad": 1}
    leak = next(finding for finding in report["findings"] if finding["kind"] == "split_leak")
    assert leak == {
        "kind": "split_leak",
        "severity": "critical",
        "policy": "drop",
        "num_rows": 4,
        "num_groups": 2,
        "rows_by_split": {"train": 2, "val": 2, "test": 0},
        "examples": ["f.csv:4", "f.csv:9", "f.csv:10", "f.csv:11"],
    }
    assert result.warnings == ["no picture is in test twice with one label: broken by 2 of 3 rows (f.csv:6, f.csv:12)"]


@pytest.fixture
def move_to():
    def move(zone):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            tzlocal.reload_localzone()

    yield move
    time.tzset()
    tzlocal.reload_localzone()


@pytest.mark.slow
def test_pages_are_the_same_bytes_at_any_time_and_place(move_to):
    faces = faces_of(*SOUND, "test sad blank")
    _, context = checked(faces)
    first = data_docs(context)
    move_to("Asia/Tokyo")
    _, context = checked(faces)
    assert data_docs(context) == first
    assert {"index.html", "expectations/faces.html", "expectations/counts.html"} <= set(first)


@pytest.mark.slow
def test_data_docs_show_the_numbers():
    _, context = checked(faces_of(*SOUND, height=16, width=40))
    (page,) = (text for path, text in data_docs(context).items() if path.startswith("validations/faces"))
    assert b"2.5" in page


@pytest.mark.slow
def test_data_docs_load_nothing_from_the_network_and_their_index_links_all():
    _, context = checked(faces_of(*SOUND))
    pages = {path: content for path, content in data_docs(context).items() if path.endswith(".html")}
    assert len(pages) > 3
    linked = set(re.findall(r'href="([^"]+)"', pages.pop("index.html").decode()))
    assert linked == {*pages, "../index.html"}
    for page in pages.values():
        assert not re.findall(rb"""<(?:script|link|img)[^>]*=["']https?://""", page)
        assert page.count(b"</style></head>") == 1
        assert page.index(b"Content-Security-Policy") < min(page.find(tag) % len(page) for tag in (b"<script", b"<img"))
        assert page.count(b"default-src 'none'; style-src 'unsafe-inline'") == 1


@pytest.mark.slow
def test_the_page_shows_findings_and_needs_no_network():
    faces = faces_of(*SOUND, "train happy F", "train sad A", "train happy H")
    faces.frame.loc[0, "source"] = "<script>alert(1)</script>:1"
    page = validated(faces).pages["index.html"].decode()
    assert "http" not in page
    assert "<script" not in page
    assert page.count('<figure class="dropped"><img src="data:image/png;base64,') == 3
    assert page.count("<figure><img") == 1
    assert 'href="data_docs/index.html"' in page


@pytest.mark.slow
def test_large_pictures_are_shown_reduced():
    faces = faces_of("train happy A", "train happy A", *SOUND[1:], height=300, width=200, channels=3)
    page = validated(faces).pages["index.html"]
    assert len(page) < 300_000


def run_stage_main(tmp_path, faces):
    params = load_params(ROOT / "params.yaml")
    write_parquet(tmp_path / "faces.parquet", faces_to_arrow(faces))
    outs = {name: tmp_path / name for name in ("clean", "report", "pages")}
    (tmp_path / "corrections.csv").write_text("id,action,label\n")
    ins = {"faces": tmp_path / "faces.parquet", "corrections": tmp_path / "corrections.csv"}
    runpy.run_path(str(ROOT / "stages" / "validate.py"))["main"](params.base, params.validate, **ins, **outs)


@pytest.mark.slow
def test_the_stage_writes_table_report_and_pages(tmp_path):
    classes = load_params(ROOT / "params.yaml").base.classes
    rows = [
        f"{split} {name} {split}{name}{number}"
        for split, size in (("train", 10), ("val", 1), ("test", 1))
        for name in classes
        for number in range(size)
    ]
    run_stage_main(tmp_path, faces_of(*rows, "train happy trainhappy0"))
    assert len(faces_from_arrow(read_parquet(tmp_path / "clean"))) == 84
    assert read_json(tmp_path / "report")["dropped"]["exact_duplicate"] == 1
    assert (tmp_path / "pages" / "index.html").is_file()
    assert (tmp_path / "pages" / "data_docs" / "index.html").is_file()


@pytest.mark.slow
def test_a_closed_gate_leaves_nothing_behind(tmp_path):
    with pytest.raises(GateError):
        run_stage_main(tmp_path, faces_of("train happy A"))
    assert {path.name for path in tmp_path.iterdir()} == {"faces.parquet", "corrections.csv"}
