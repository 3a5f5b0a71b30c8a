"""Labels become classes: by name, by FER2013's codes in its own CSV, and by ingest.label_map."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emopipe.core.errors import DataError, ParamsError
from emopipe.core.names import fold_name
from emopipe.faces.classes import FER2013_CLASSES, label_lookup
from emopipe.ingest.labels import LabelPlan, known_labels, plan_labels
from emopipe.ingest.sources import recognise
from emopipe.ingest.splits import FOLDER_SPLITS
from face_tables import ingest_params
from source_files import png, written

AFFECTNET = {"0": "neutral", "1": "happy", "2": "sad", "3": "surprise", "4": "fear", "5": "disgust", "6": "angry"}


def csv_of(folder: Path, labels) -> Path:
    return written(folder, {"f.csv": "emotion,pixels,Usage\n" + "".join(f"{label},1,Training\n" for label in labels)})


def folders_of(folder: Path, labels) -> Path:
    return written(folder, {f"{split}/{label}/1.png": png(1) for split in ("train", "test") for label in labels})


def integers_of(folder: Path, labels, names=None) -> Path:
    table = pa.table({"image": [b"1"] * len(labels), "label": list(map(int, labels))})
    if names:
        note = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(note)})
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "f.parquet")
    return folder


def numbered_names_of(folder: Path, labels) -> Path:
    return integers_of(folder, range(len(labels)), names=list(labels))


def plan_of(path: Path, classes=FER2013_CLASSES, label_map=None) -> LabelPlan:
    params = ingest_params(label_map=label_map or {})
    source = recognise(path, FOLDER_SPLITS, known_labels(classes, params.label_map))
    return plan_labels(source, source.counts(), classes, params.label_map)


def error_of(path: Path, classes=FER2013_CLASSES, label_map=None) -> str:
    with pytest.raises((DataError, ParamsError)) as caught:
        plan_of(path, classes, label_map)
    return str(caught.value).removeprefix(str(path)).removeprefix("/")


@pytest.mark.parametrize("form", ["{}", "{}.0", " 0{}"])
@pytest.mark.parametrize(
    "classes", [FER2013_CLASSES, tuple(reversed(FER2013_CLASSES)), ("happy", "sad", "contempt"), ("anger", "happiness")]
)
def test_the_integers_of_a_fer2013_csv_mean_its_emotions_whatever_the_classes(tmp_path, classes, form):
    plan = plan_of(csv_of(tmp_path, [form.format(code) for code in range(7)]), classes)
    lookup = label_lookup(classes)
    for code, emotion in enumerate(FER2013_CLASSES):
        assert plan.class_of(form.format(code)) == plan.numbers[str(code)] == lookup.get(emotion)


def test_the_numbers_that_are_mapped_are_named(tmp_path):
    codes = "0 = angry, 1 = disgust, 2 = fear, 3 = happy, 4 = sad, 5 = surprise, 6 = neutral"
    assert plan_of(csv_of(tmp_path / "a", range(7))).numbers_text == codes
    assert plan_of(csv_of(tmp_path / "b", range(8)), label_map={7: None}).numbers_text == f"{codes}, 7 = rejected"
    assert plan_of(csv_of(tmp_path / "c", ["happy", "sad"])).numbers_text == ""


@pytest.mark.parametrize("make", [folders_of, integers_of, numbered_names_of])
def test_numbers_elsewhere_stop_with_their_counts_until_they_are_mapped(tmp_path, make):
    path = make(tmp_path / "data", AFFECTNET)
    num_rows = 2 if make is folders_of else 1
    counts = ", ".join(f"{number}: {num_rows} rows" for number in AFFECTNET)
    draft = ", ".join(f"{number}: CLASS" for number in AFFECTNET)
    assert error_of(path).endswith(
        f" has numbers as labels ({counts}), whose order differs between data sets: write `label_map: {{{draft}}}` "
        "under ingest in params.yaml, each with one of base.classes, or null to reject its rows"
    )
    plan = plan_of(path, label_map=AFFECTNET)
    assert {number: plan.class_of(number) for number in AFFECTNET} == AFFECTNET


def test_a_part_of_the_numbers_is_not_enough(tmp_path):
    path = folders_of(tmp_path, ["1", "2", "happy"])
    assert error_of(path, label_map={1: "sad"}).startswith(" has numbers as labels (2: 2 rows), whose order differs")


def test_a_number_beyond_the_codes_of_fer2013_stops_until_it_is_a_class_or_rejected(tmp_path):
    path = csv_of(tmp_path, [0, 3, 7, 7])
    assert error_of(path) == (
        "f.csv has numbers as labels (7: 2 rows), which are no codes of FER2013 (0 = angry, 1 = disgust, 2 = fear, "
        "3 = happy, 4 = sad, 5 = surprise, 6 = neutral): write `label_map: {7: CLASS}` under ingest in params.yaml, "
        "each with one of base.classes, or null to reject its rows; map the others too, if they are not FER2013's"
    )
    classes = (*FER2013_CLASSES, "contempt")
    assert plan_of(path, classes, {7: "Contempt"}).class_of("7") == "contempt"
    for rejected in (None, "reject"):
        plan = plan_of(path, classes, {7: rejected})
        assert (plan.class_of("7"), plan.class_of("3")) == (None, "happy")


def test_a_rare_number_beyond_the_codes_of_fer2013_is_a_damaged_row(tmp_path):
    plan = plan_of(csv_of(tmp_path / "a", [*[3] * 199, 9]))
    assert (plan.class_of("9"), plan.numbers_text) == (None, "3 = happy, 9 = rejected")
    assert "has numbers as labels (9: 2 rows)" in error_of(csv_of(tmp_path / "b", [*[3] * 197, 9, 9]))
    assert "has numbers as labels (9: 2 rows)" in error_of(folders_of(tmp_path / "c", ["happy", "sad", "9"]))


def test_the_map_goes_before_codes_names_and_aliases(tmp_path):
    path = csv_of(tmp_path, [0, 3, "angry", "joy"])
    plan = plan_of(path, label_map={"0": "sad", "ANGRY": "fear", "joy": None})
    assert [plan.class_of(label) for label in ("0", "3", "angry", "joy")] == ["sad", "happy", "fear", None]


def test_words_of_a_source_are_mapped_too(tmp_path):
    path = folders_of(tmp_path, ["0_angry", "Sad face", "contempt", "happy"])
    plan = plan_of(path, label_map={"0_angry": "angry", "sad  face": "sadness", "contempt": "reject"})
    assert [plan.class_of(label) for label in ("0_angry", "Sad face", "contempt", "happy")] == [
        "angry", "sad", None, "happy"
    ]  # fmt: skip


def test_a_class_that_is_a_number_has_its_own_rows(tmp_path):
    plan = plan_of(folders_of(tmp_path, ["3", "4"]), classes=("4", "3"))
    assert (plan.class_of("3"), plan.class_of("4.0")) == ("3", "4")


def test_a_map_to_no_class_is_an_error(tmp_path):
    assert error_of(csv_of(tmp_path, [7]), ("happy", "sad"), {7: "contempt", 3: "happy"}) == (
        "ingest.label_map maps 7 to contempt, expected one of happy, sad, or null to reject: correct it, or add the "
        "class to base.classes in params.yaml"
    )


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        ({True: "happy"}, "YAML reads a label as True: write it in quotes"),
        ({None: "happy"}, "YAML reads a label as None: write it in quotes"),
        ({0: "happy", "contempt": None}, "DVC cannot sort numbers and words together: write all labels in quotes"),
        ({"3": "happy", "3.0": "sad"}, "labels must differ in more than case and blanks"),
    ],
)
def test_labels_that_are_not_kept_as_written_are_refused(label_map, message):
    with pytest.raises(ValueError, match=message):
        ingest_params(label_map=label_map)


@given(st.text())
def test_a_name_is_folded_once(text):
    assert fold_name(fold_name(text)) == fold_name(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("col\u00e8re", "cole\u0300re"),
        ("D\u00c9GO\u00dbT", "de\u0301gou\u0302t"),
        (" Happy ", "happy"),
        ("Stra\u00dfe", "STRASSE"),
        ("sad  face", "Sad\u00a0face"),
        ("3.0", "03"),
    ],
)
def test_spellings_of_one_name_are_equal(one, other):
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), [("3.5", "3"), ("e\u0301", "e"), ("-3", "3"), ("3a", "3")])
def test_other_names_are_not(one, other):
    assert fold_name(one) != fold_name(other)


def test_the_names_of_one_emotion_stand_for_each_other():
    assert label_lookup(["anger", "happy"])["angry"] == "anger"
    assert label_lookup(["anger", "happy"])["happiness"] == "happy"
