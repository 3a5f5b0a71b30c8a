"""Parquet and Arrow files of pictures are read as the `datasets` library writes them, and as the project does."""

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emopipe.core.files import read_parquet, write_parquet
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.table import faces_from_arrow, faces_to_arrow
from emopipe.ingest.ingest import ingest
from emopipe.ingest.sources import arrow_files, image_tree, recognise
from emopipe.ingest.sources.base import RawRow, Reject
from emopipe.ingest.splits import FOLDER_SPLITS
from face_tables import faces_of, ingest_params
from source_files import TABLE, error_of, read, written

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
NAMES = ["angry", "happy"]
BATCH = 2
"""Rows per batch, so that a table of a few rows has several."""


def table(labels: list[Any], column: str = "label", **more: list[Any]) -> pa.Table:
    """Pictures of one byte each: row 3 holds `b"3"`."""
    pictures = [{"bytes": str(i).encode(), "path": f"{i}.png"} for i in range(len(labels))]
    return pa.table({"image": pa.array(pictures, IMAGE), column: labels, **more})


def noted(plain: pa.Table, column: str = "label", names: Any = NAMES) -> pa.Table:
    """With the note by which `datasets` knows the names of classes."""
    features = {"image": {"_type": "Image"}, column: {"names": names, "_type": "ClassLabel"}}
    return plain.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def as_parquet(path: Path, content: pa.Table) -> None:
    pq.write_table(content, path, row_group_size=BATCH)


def as_arrow_stream(path: Path, content: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content, max_chunksize=BATCH)


def as_arrow_file(path: Path, content: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, content.schema) as writer:
        writer.write_table(content, max_chunksize=BATCH)


WRITERS = {"parquet": as_parquet, "arrow stream": as_arrow_stream, "arrow file": as_arrow_file}


def saved(path: Path, content: pa.Table, writer: str = "parquet") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[writer](path, content)
    return path


@pytest.mark.parametrize("writer", WRITERS)
def test_a_table_gives_a_row_per_picture_with_the_name_of_its_class(tmp_path, writer):
    path = saved(tmp_path / "faces", noted(table([1, 0, 1], width=[9, 9, 9])), writer)
    assert read(path) == [
        RawRow("faces:0", "happy", None, b"0"),
        RawRow("faces:1", "angry", None, b"1"),
        RawRow("faces:2", "happy", None, b"2"),
    ]
    source = recognise(path, FOLDER_SPLITS)
    assert (source.format, source.root, source.files) == ("Parquet or Arrow", tmp_path, ("faces",))
    assert source.counts() == Counter({(None, "happy"): 2, (None, "angry"): 1})


@pytest.mark.parametrize("column", ["label", "labels", "emotion"])
@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["happy", " sad "], ["happy", "sad"]),
        ([3, 6], ["3", "6"]),
        (pa.array([3, 6], pa.uint8()), ["3", "6"]),
        (pa.array(["happy", "sad"], pa.large_string()), ["happy", "sad"]),
        (pa.array(["sad", "sad"]).dictionary_encode(), ["sad", "sad"]),
    ],
)
def test_labels_are_text_or_numbers_that_stay_numbers_without_names(tmp_path, column, labels, found):
    assert [row.label for row in read(saved(tmp_path / "f.parquet", table(labels, column)))] == found


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_pictures_may_be_plain_bytes(tmp_path, kind):
    plain = pa.table({"image": pa.array([b"0", b"1"], kind), "label": ["happy", "sad"]})
    assert [row.image for row in read(saved(tmp_path / "f.arrow", plain, "arrow stream"))] == [b"0", b"1"]


def test_the_first_of_several_label_columns_counts(tmp_path):
    assert read(saved(tmp_path / "f.parquet", table(["x"], "emotion", label=["happy"])))[0].label == "happy"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/validation-00000-of-00001.parquet", "validation"),
        ("data/Test_0.parquet", "Test"),
        ("data/fer2013-train.parquet", "train"),
        ("full/valid/0000.parquet", "valid"),
        ("train/data.parquet", "train"),
        ("test/train.parquet", "train"),
        ("test/train-test.parquet", "test"),
        ("data/trained-0.parquet", None),
        ("data/train-test.parquet", None),
        ("faces.parquet", None),
    ],
)
def test_the_split_is_in_the_name_of_the_file_or_else_of_a_folder(tmp_path, name, split):
    saved(tmp_path / name, table(["happy"]))
    written(tmp_path, {"README.md": "two files, so that the folder is the source"})
    assert read(tmp_path) == [RawRow(f"{name}:0", "happy", split, b"0")]


def test_without_names_of_splits_no_name_says_one(tmp_path):
    (row,) = recognise(saved(tmp_path / "train.parquet", table(["happy"])), ()).read()
    assert row.split is None


def test_a_column_of_splits_goes_before_names(tmp_path):
    splits = pa.array(["train", None, " "]).dictionary_encode()
    path = saved(tmp_path / "test.parquet", table(["happy"] * 3, split=splits))
    assert [row.split for row in read(path)] == ["train", None, None]


def test_the_files_of_a_folder_are_one_source_in_sorted_order(tmp_path):
    for part in (1, 0):
        saved(tmp_path / f"data/train-0000{part}-of-00002.parquet", noted(table([part])))
    saved(tmp_path / "data/test-00000-of-00001.parquet", noted(table([1]), names=["sad", "fear"]))
    assert [(row.source, row.split, row.label) for row in read(tmp_path)] == [
        ("data/test-00000-of-00001.parquet:0", "test", "fear"),
        ("data/train-00000-of-00002.parquet:0", "train", "angry"),
        ("data/train-00001-of-00002.parquet:0", "train", "happy"),
    ]


def test_a_data_set_saved_to_disk_is_read_without_what_was_computed_from_it(tmp_path):
    for split in ("train", "test"):
        saved(tmp_path / split / "data-00000-of-00001.arrow", noted(table([1])), "arrow stream")
        saved(tmp_path / split / "cache-1b2c.arrow", noted(table([0])), "arrow stream")
        written(tmp_path / split, {"state.json": "{}", "dataset_info.json": "{}"})
    written(tmp_path, {"dataset_dict.json": "{}", ".cache/x.parquet": b"?", "train/._x.arrow": b"?"})
    assert recognise(tmp_path, FOLDER_SPLITS).counts() == Counter({("train", "happy"): 1, ("test", "happy"): 1})


def test_rows_without_a_label_or_a_picture_are_rejected_and_the_others_are_read(tmp_path):
    pictures = [{"bytes": b"0"}, None, {"path": "faces/2.png"}, {}, {"bytes": b"4"}, {"bytes": b"5"}, {"bytes": b"6"}]
    labels = [1, 1, 1, 1, None, -1, 2]
    path = saved(tmp_path / "f.parquet", noted(pa.table({"image": pa.array(pictures, IMAGE), "label": labels})))
    assert read(path) == [
        RawRow("f.parquet:0", "happy", None, b"0"),
        Reject("f.parquet:1", "no_picture", "no image, expected the bytes of a picture", None, "happy"),
        Reject(
            "f.parquet:2", "no_picture", "only the path 'faces/2.png', expected the bytes of a picture", None, "happy"
        ),
        Reject("f.parquet:3", "no_picture", "no image, expected the bytes of a picture", None, "happy"),
        Reject("f.parquet:4", "unknown_label", "no label, expected the name of a class"),
        Reject("f.parquet:5", "unknown_label", "label '-1', expected the name of a class"),
        Reject("f.parquet:6", "unknown_label", "label '2', expected the name of a class"),
    ]
    assert recognise(path, FOLDER_SPLITS).counts() == Counter({(None, "happy"): 4})


@pytest.mark.parametrize("labels", [pa.nulls(1), ["  "], pa.array([None], pa.string())])
def test_a_label_that_is_empty_is_none(tmp_path, labels):
    (row,) = read(saved(tmp_path / "f.parquet", table(labels)))
    assert (type(row), row.reason) == (Reject, "unknown_label")


def test_plain_bytes_that_are_missing_are_rejected(tmp_path):
    plain = pa.table({"image": pa.array([None], pa.binary()), "label": ["happy"]})
    (row,) = read(saved(tmp_path / "f.parquet", plain))
    assert row == Reject("f.parquet:0", "no_picture", "no image, expected the bytes of a picture", None, "happy")


def test_a_picture_above_the_limit_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tree, "MAX_BYTES", 1)
    plain = pa.table({"image": [b"1", bytes(1_000_000)], "label": ["happy", "happy"]})
    good, bad = read(saved(tmp_path / "f.parquet", plain))
    assert good.image == b"1"
    assert bad == Reject("f.parquet:1", "too_many_bytes", "more than the limit of 1 bytes", None, "happy")


@pytest.mark.parametrize("writer", WRITERS)
def test_no_more_than_a_batch_of_the_columns_asked_for_is_read_at_once(tmp_path, monkeypatch, writer):
    monkeypatch.setattr(arrow_files, "_BATCH_ROWS", BATCH)
    path = saved(tmp_path / "f", table(["happy"] * 5, note=["?"] * 5), writer)
    batches = list(arrow_files.read_batches(path, ["label"]))
    assert [(batch.num_rows, batch.schema.names) for batch in batches] == [
        (2, ["label"]), (2, ["label"]), (1, ["label"])
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            pa.table({"image": [b"1"], "class": ["happy"]}),
            "has the columns image, class; expected one of image, img, picture and one of label, labels, emotion, "
            "expression: "
            "rename them, or take the file away",
        ),
        (
            pa.table({str(i): [0] for i in range(9)}),
            "has the columns 0, 1, 2, 3, 4, 5, 6, 7, ...; expected one of image, img, picture and one of label, "
            "labels, emotion, expression: "
            "rename them, or take the file away",
        ),
        (
            pa.table({}),
            "has the columns none; expected one of image, img, picture and one of label, labels, emotion, "
            "expression: "
            "rename them, or take the file away",
        ),
        (
            pa.table([[b"1"], ["happy"], ["sad"]], names=["image", "label", "label"]),
            "has 2 columns label, expected one: rename the others",
        ),
        (table([[1]]), "has a column label of list<element: int64>, expected text or numbers: convert it"),
        (table([True]), "has a column label of bool, expected text or numbers: convert it"),
        (
            pa.table({"image": ["a.png"], "label": ["happy"]}),
            "has a column image of string, expected bytes or a struct with bytes: convert it",
        ),
        (
            pa.table({"image": [{"path": "a.png"}], "label": ["happy"]}),
            "has a column image of struct<path: string>, expected bytes or a struct with bytes: convert it",
        ),
        (
            pa.table({"image": [{"bytes": "a"}], "label": ["happy"]}),
            "has a column image of struct<bytes: string>, expected bytes or a struct with bytes: convert it",
        ),
        (
            table([0]).replace_schema_metadata({"huggingface": "{"}),
            "has a note huggingface in its schema that is no JSON: write the file again",
        ),
    ],
)
def test_a_table_without_the_columns_is_an_error(tmp_path, content, fault):
    path = saved(tmp_path / "f.parquet", content)
    assert error_of(path) == f"{path} {fault}"


@pytest.mark.parametrize("note", ["[]", "{}", '{"info": 1}', '{"info": {"features": {"label": {"names": null}}}}'])
def test_a_note_that_names_no_classes_leaves_numbers(tmp_path, note):
    path = saved(tmp_path / "f.parquet", table([3]).replace_schema_metadata({"huggingface": note}))
    assert read(path)[0].label == "3"


@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_truncated_file_is_an_error_not_a_shorter_table(tmp_path, writer, share):
    path = saved(tmp_path / "f", table(["happy"] * 9), writer)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    message = error_of(path)
    assert message.startswith(f"{path} cannot be read ")
    assert message.endswith("): fetch it again")
    assert "\n" not in message


def test_a_stream_cut_between_two_batches_is_an_error(tmp_path):
    path = saved(tmp_path / "f.arrow", table(["happy"] * 2), "arrow stream")
    path.write_bytes(path.read_bytes()[:-8])
    assert error_of(path) == f"{path} cannot be read past row 2 (the end of the stream is missing): fetch it again"


def test_offsets_that_point_out_of_the_file_are_an_error(tmp_path):
    plain = pa.table({"image": [b"1", b"2"], "label": ["happy", "sad"]})
    path = saved(tmp_path / "f.arrow", plain, "arrow stream")
    offsets = struct.pack("<3i", 0, 1, 2)
    assert path.read_bytes().count(offsets) == 1
    path.write_bytes(path.read_bytes().replace(offsets, struct.pack("<3i", 0, 2**30, 2)))
    assert error_of(path).startswith(f"{path} cannot be read past row 0 (")


def test_one_damaged_file_among_others_is_an_error(tmp_path):
    saved(tmp_path / "train-0.parquet", table(["happy"]))
    written(tmp_path, {"train-1.parquet": b"version https://git-lfs.github.com/spec/v1\n"})
    assert error_of(tmp_path) == (
        f"{tmp_path}/train-1.parquet cannot be read (neither Parquet nor Arrow): fetch it again"
    )


def test_a_folder_of_damaged_files_alone_is_an_error_that_names_the_first(tmp_path):
    written(tmp_path, {"train-0.parquet": b"PAR1", "train-1.parquet": b"", "README.md": ""})
    assert error_of(tmp_path).startswith(f"{tmp_path}/train-0.parquet cannot be read (")


@pytest.mark.parametrize("files", [{"f.csv": TABLE}, {"happy/1.jpg": b"1"}])
def test_tables_without_pictures_beside_another_source_are_just_other_files(tmp_path, files):
    saved(tmp_path / "boxes.parquet", pa.table({"file": ["1.jpg"], "left": [3]}))
    assert recognise(written(tmp_path, files), FOLDER_SPLITS).format in ("FER2013 CSV", "class folders")


def test_a_table_of_pictures_beside_a_csv_is_a_second_source(tmp_path):
    saved(tmp_path / "f.parquet", table(["happy"]))
    assert "holds 2 sources" in error_of(written(tmp_path, {"f.csv": TABLE}))


def test_the_projects_own_table_comes_back_as_it_was(tmp_path):
    rows = [f"{split} {label} {split}{label}" for split in ("train", "val", "test") for label in ("happy", "sad")]
    faces = faces_of(*rows, channels=3)
    path = tmp_path / "clean.parquet"
    write_parquet(path, faces_to_arrow(faces))
    base, image = BaseParams(seed=0, classes=("happy", "sad")), ImageParams(size=16, channels=3)
    ingest(path, tmp_path / "again", base=base, image=image, ingest=ingest_params())
    again = faces_from_arrow(read_parquet(tmp_path / "again")).frame
    columns = ["id", "png", "label", "split", "width", "height"]
    pd.testing.assert_frame_equal(again[columns], faces.frame[columns], check_dtype=False)
    assert again["source"].tolist() == [f"clean.parquet:{number}" for number in range(6)]


@pytest.mark.parametrize("names", [("img", "label"), ("Image", "Label"), ("PICTURE", "Emotion")])
def test_columns_are_found_in_any_case(tmp_path, names):
    path = saved(tmp_path / "f.parquet", pa.table([[b"1"], ["happy"]], names=names))
    (row,) = read(path)
    assert (row.label, row.image) == ("happy", b"1")


def test_a_column_spelt_in_lower_case_goes_before_others(tmp_path):
    (row,) = read(
        saved(tmp_path / "f.parquet", pa.table([[b"1"], ["sad"], ["happy"]], names=["image", "Label", "label"]))
    )
    assert row.label == "happy"


def test_labels_may_be_numbers_with_a_point(tmp_path):
    first, second = read(saved(tmp_path / "f.parquet", pa.table({"image": [b"1", b"2"], "label": [3.0, float("nan")]})))
    assert first.label == "3.0"
    assert (second.reason, second.detail) == ("unknown_label", "label 'nan', expected the name of a class")


def test_a_folder_of_tables_without_the_columns_names_those_of_the_first(tmp_path):
    saved(tmp_path / "data/a.parquet", pa.table({"pixels": [b"1"], "y": [1]}))
    saved(tmp_path / "data/b.parquet", pa.table({"x": [1]}))
    assert error_of(tmp_path / "data").startswith(
        f"{tmp_path}/data holds a.parquet with the columns pixels, y, expected "
    )
