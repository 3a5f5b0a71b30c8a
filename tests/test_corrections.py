import io

import pandas as pd
import pytest

from emopipe.core.errors import DataError
from emopipe.validate.corrections import read_corrections
from emopipe.validate.validate import validate
from face_tables import faces_of, file_of, validate_params

CLASSES = ("happy", "sad")
ROWS = ("train happy A", "train sad B", "train sad C", "val happy D", "val sad E", "test happy F", "test sad G")


def written(folder, text):
    (folder / "corrections.csv").write_text(text)
    return read_corrections(folder / "corrections.csv", CLASSES)


def test_decisions_are_read_with_any_further_columns(tmp_path):
    read = written(tmp_path, "action,id,note,label\nkeep,1,fine,\n drop ,2,,\nrelabel,3,,sad\n")
    assert read.actions == {"1": "keep", "2": "drop", "3": "relabel"}
    assert read.labels == {"3": "sad"}
    assert read.unknown(pd.Series(["1", "2"])) == ["3"]


def test_labels_are_classes_in_any_spelling(tmp_path):
    read = written(tmp_path, "id,action,label\n1,relabel, SAD\n2,relabel,joy\n")
    assert read.labels == {"1": "sad", "2": "happy"}


def test_every_bad_line_is_named(tmp_path):
    text = "id,action,label\n1,remove,\n2,relabel,angry\n,keep,\n4,keep,\n4,drop,\n"
    with pytest.raises(DataError) as error:
        written(tmp_path, text)
    assert str(error.value).split(": ", 1)[1] == (
        "line 2: action 'remove', expected keep, drop, relabel; line 3: label 'angry', expected one of happy, sad; "
        "line 4: no id; and 1 more"
    )


@pytest.mark.parametrize("text", ["", "id,label\n1,sad\n"])
def test_a_file_without_the_columns_is_refused(tmp_path, text):
    with pytest.raises(DataError, match="id, action, label"):
        written(tmp_path, text)


@pytest.mark.slow
def test_corrections_change_labels_and_drop_rows_and_are_accounted(tmp_path):
    faces = faces_of(*ROWS)
    a, b, c = faces.frame["id"][:3]
    decided = written(tmp_path, f"id,action,label\n{c},relabel,happy\n{b},keep,\n{a},drop,\nelsewhere,drop,\n")
    result = validate(file_of(faces), CLASSES, validate_params(), decided, seed=0)
    assert result.kept.tolist() == [False] + [True] * 6
    assert result.labels == ["happy", "sad", "happy", "happy", "sad", "happy", "sad"]
    assert (result.report["relabelled"], result.report["dropped"]["correction"]) == (1, 1)
    assert result.warnings == ["1 corrections are for unknown ids (elsewhere, ...)"]


@pytest.mark.slow
def test_a_label_that_people_keep_is_no_suspect(tmp_path, monkeypatch):
    def suspicious(features, labels, groups, *, classes, folds, max_quality, seed):
        return pd.DataFrame({"quality": 0.1, "suspect": True, "suggested": "sad"}, index=range(len(labels)))

    monkeypatch.setattr("emopipe.validate.evidence.find_label_errors", suspicious)
    faces = faces_of(*ROWS, "train happy H", "val happy I")
    decided = written(tmp_path, f"id,action,label\n{faces.frame['id'][1]},keep,\n")
    params = validate_params(label_folds=2, label_error="keep")
    result = validate(file_of(faces), CLASSES, params, decided, seed=0)
    finding = next(item for item in result.report["findings"] if item["kind"] == "label_error")
    assert finding["rows_by_split"] == {"train": 3, "val": 3, "test": 0}
    suspects = pd.read_csv(io.BytesIO(result.pages["suspects.csv"]))
    assert suspects["source"].tolist() == [f"f.csv:{line}" for line in (1, 3, 4, 5, 8, 9)]
    assert list(suspects.columns[:3]) == ["id", "action", "label"]
