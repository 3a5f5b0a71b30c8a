"""Tables of paths and labels beside pictures."""

from collections import Counter
from pathlib import Path

import pytest

from emopipe.ingest.sources import recognise
from emopipe.ingest.sources.base import RawRow, Reject
from emopipe.ingest.splits import FOLDER_SPLITS
from source_files import LABELS, TABLE, error_of, png, read, written

PICTURES: dict[str, str | bytes] = {f"img/{name}.png": name.encode() for name in "abc"}


def listed(folder: Path, table: str | bytes, name: str = "labels.csv", **pictures: bytes) -> list[RawRow | Reject]:
    return read(written(folder, {**PICTURES, **pictures, name: table}))


@pytest.mark.parametrize(
    "header",
    [
        "path,label",
        "Image Path,Emotion",
        "id,image,age,Expression,valence",
        "pth,x,label",
        "subDirectory_filePath,expression",
        "file_name,label",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_of_paths_and_labels_are_found_by_their_names(tmp_path, header, delimiter):
    names = [name.lower() for name in header.split(",")]
    path = next(i for i, name in enumerate(names) if any(word in name for word in ("path", "pth", "image", "file")))
    label = next(i for i, name in enumerate(names) if name in {"label", "emotion", "expression"})
    lines = [header]
    for name, text in {"a": "happy", "b": "sad", "c": "happy"}.items():
        cells = ["?"] * len(names)
        cells[path], cells[label] = f"img/{name}.png", text
        lines.append(",".join(cells))
    assert listed(tmp_path, "\n".join(lines).replace(",", delimiter)) == [
        RawRow("img/a.png", "happy", None, b"a"),
        RawRow("img/b.png", "sad", None, b"b"),
        RawRow("img/c.png", "happy", None, b"c"),
    ]


def test_every_line_and_every_picture_is_a_row_or_a_reject_with_its_reason(tmp_path):
    table = "path,label\nimg/a.png,happy\nimg/gone.png,sad\nimg/a.png,Happy\npath,label\nimg/b.png\n,sad\nimg/b.png,\n"
    path = written(tmp_path, {**PICTURES, "labels.csv": table}) / "labels.csv"
    rows = read(path)
    assert rows == [
        RawRow("img/a.png", "happy", None, b"a"),
        Reject("labels.csv:3", "missing_file", "no picture 'img/gone.png' is there", None, "sad"),
        Reject("labels.csv:4", "listed_twice", "img/a.png is listed before (labels.csv:2)", None, "Happy"),
        Reject("labels.csv:5", "repeated_header", "the names of the columns again, expected a picture"),
        Reject("labels.csv:6", "malformed_row", "1 cells, expected 2"),
        Reject("labels.csv:7", "missing_file", "no path of a picture"),
        Reject("labels.csv:8", "unknown_label", "no label, expected the name of a class"),
        Reject("img/b.png", "not_listed", "a picture in no row of labels.csv"),
        Reject("img/c.png", "not_listed", "a picture in no row of labels.csv"),
    ]
    source = recognise(path, FOLDER_SPLITS, LABELS)
    assert source.counts() == Counter({(None, "happy"): 1})
    assert source.unusable() == Counter((row.split, row.reason) for row in rows if isinstance(row, Reject))


def test_a_picture_with_two_labels_is_rejected_in_every_line(tmp_path):
    rows = listed(tmp_path, "path,label\nimg/a.png,happy\nimg/b.png,sad\nimg/a.png,sad\nimg/c.png,sad\n")
    assert [row.reason for row in rows if isinstance(row, Reject)] == ["listed_twice"] * 2
    assert [row.source for row in rows] == ["labels.csv:2", "img/b.png", "labels.csv:4", "img/c.png"]


@pytest.mark.parametrize(
    "path",
    [
        "a.png",
        "./img/a.png",
        "img\\a.png",
        "C:\\data\\img\\a.png",
        "/home/ann/faces/img/a.png",
        "../faces/img/a.png",
        "img/a",
        "a",
        "IMG/A.PNG",
    ],
)
def test_a_path_may_start_from_any_folder_of_any_computer(tmp_path, path):
    first, *_ = listed(tmp_path, f"path,label\n{path},happy\nimg/b.png,sad\n")
    assert first == RawRow("img/a.png", "happy", None, b"a")


def test_a_path_of_another_folder_is_missing_and_an_end_of_two_paths_is_ambiguous(tmp_path):
    files = {**PICTURES, "other/a.png": b"o", "l.csv": "path,label\ntest/a.png,sad\na.png,sad\nother/a.png,sad\n"}
    missing, ambiguous, row, *_ = read(written(tmp_path, files) / "l.csv")
    assert missing.reason == "missing_file"
    assert ambiguous == Reject(
        "l.csv:3", "ambiguous_path", "'a.png' may be img/a.png or other/a.png, expected one picture", None, "sad"
    )
    assert row == RawRow("other/a.png", "sad", None, b"o")


def test_names_that_differ_in_case_alone_are_two_pictures(tmp_path):
    rows = read(written(tmp_path, {"a.png": b"a", "A.png": b"A", "l.csv": "path,label\na.png,sad\nA.png,happy\n"}))
    assert [(row.source, row.image) for row in rows if isinstance(row, RawRow)] == [("a.png", b"a"), ("A.png", b"A")]


@pytest.mark.parametrize(
    ("files", "splits"),
    [
        ({"l.csv": "path,label,split\na.png,sad,Train\nb.png,sad,\n"}, ["Train", None]),
        (
            {"train_labels.csv": "path,label\na.png,sad\n", "test_labels.csv": "path,label\nb.png,sad\n"},
            ["test", "train"],
        ),
        ({"train/metadata.csv": "file_name,label\n../a.png,sad\n../b.png,sad\n"}, ["train", "train"]),
        ({"l.csv": "path,label\ntrain/a.png,sad\ntest/x/b.png,sad\n"}, ["train", "test"]),
    ],
)
def test_the_split_is_a_column_or_in_the_name_of_the_table_or_the_folder_of_the_picture(tmp_path, files, splits):
    table = next(iter(files.values()))
    places = ("train/a.png", "test/x/b.png") if "train/a.png" in table else ("a.png", "b.png")
    rows = read(written(tmp_path, {**files, **dict.fromkeys(places, b"?")}))
    assert [row.split for row in rows] == splits


def test_a_list_without_names_of_columns_is_read(tmp_path):
    table = "a.png 1\nb.png\t2\nc.png   1\n"
    assert [(row.source, row.label) for row in listed(tmp_path, table, "list_patition_label.txt")] == [
        ("img/a.png", "1"),
        ("img/b.png", "2"),
        ("img/c.png", "1"),
    ]


def test_the_table_goes_before_class_folders_if_it_lists_at_least_half_of_the_pictures(tmp_path):
    pictures: dict[str, str | bytes] = {f"happy/{i}.png": png(i) for i in range(4)}
    written(tmp_path, {**pictures, "l.csv": "path,label\nhappy/0.png,sad\nhappy/1.png,sad\n"})
    assert recognise(tmp_path, FOLDER_SPLITS).format == "table of paths"
    written(tmp_path, {"l.csv": "path,label\nhappy/0.png,sad\n"})
    assert error_of(tmp_path) == (
        f"{tmp_path} holds 2 sources (class folders {tmp_path}, table of paths {tmp_path}/l.csv), expected one: remove "
        "or name one of them"
    )


def test_a_csv_that_lists_none_of_the_pictures_is_just_another_file(tmp_path):
    written(tmp_path, {"happy/0.png": b"?", "l.csv": "path,label\nx.png,sad\n", "m.csv": "id,label\nx.png,sad\n"})
    assert recognise(tmp_path, FOLDER_SPLITS).format == "class folders"


def test_two_tables_that_list_one_picture_are_an_error_and_one_of_them_may_be_named(tmp_path):
    written(tmp_path, {**PICTURES, "l.csv": "path,label\na.png,sad\n", "m.csv": "path,label\nb.png,sad\na.png,happy\n"})
    assert error_of(tmp_path) == (
        f"{tmp_path} holds 2 tables that list img/a.png (l.csv, m.csv), expected one: remove or name one of them"
    )
    assert [row.source for row in read(tmp_path / "m.csv") if isinstance(row, RawRow)] == ["img/b.png", "img/a.png"]


def test_a_named_table_without_its_pictures_is_an_error(tmp_path):
    path = written(tmp_path, {"l.csv": "path,label\na.png,sad\n"}) / "l.csv"
    assert error_of(path) == (
        f"{path} lists pictures, none of which is in {tmp_path}: put them there, or name the folder that holds both"
    )


def test_a_table_of_pixels_is_no_table_of_paths(tmp_path):
    assert (
        recognise(written(tmp_path, {"f.csv": TABLE.replace("Usage", "image")}), FOLDER_SPLITS).format == "FER2013 CSV"
    )
