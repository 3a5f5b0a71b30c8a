"""Sources are recognised by their content and read row by row."""

import gzip
import io
import lzma
import os
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import zstandard

from emopipe.ingest.sources import image_tree, lines, recognise, unpack
from emopipe.ingest.sources.base import RawRow, Reject
from emopipe.ingest.splits import FOLDER_SPLITS
from source_files import LABELS, TABLE, error_of, png, read, tarred, written, zipped

FER2013 = {"training": "train", "publictest": "val", "privatetest": "test"}
ACCEPTED = (
    "expected a CSV with the columns emotion, pixels and Usage (plain, or as gz, xz, zst, zip or tar), "
    "folders of pictures (train/happy/1.jpg, or happy/1.jpg; jpg, png, bmp, webp, tiff, gif), a zip of such folders, "
    "Parquet or Arrow files with the columns image and label, "
    "or a CSV with paths of pictures and labels (columns such as path and label) beside them"
)


PACKERS = {
    "plain": bytes,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "zip": lambda content: zipped({"fer/fer2013.csv": content, "__MACOSX/._fer2013.csv": b"?"}),
    "tar": lambda content: tarred({"fer/README": b"?", "fer/fer2013.csv": content, "fer/._fer2013.csv": b"?"}),
    "tar.gz": lambda content: gzip.compress(tarred({"fer2013.csv": content})),
    "tar.xz": lambda content: lzma.compress(tarred({"fer2013.csv": content})),
    "tar.zst": lambda content: zstandard.compress(tarred({"fer2013.csv": content})),
}


def read_table(folder: Path, text: str) -> list[RawRow | Reject]:
    return read(written(folder, {"f.csv": text}))


@pytest.mark.parametrize("packing", PACKERS)
def test_a_csv_reads_the_same_however_it_is_packed(tmp_path, packing):
    path = tmp_path / "f"
    path.write_bytes(PACKERS[packing](TABLE.encode()))
    first, second = read(path)
    assert (first.source, first.label, first.split) == ("f:2", "3", "Training")
    assert (second.source, second.label, second.split) == ("f:3", "0", "PublicTest")
    np.testing.assert_array_equal(first.image, np.array([[[0], [50]], [[100], [255]]], np.uint8))
    assert first.image.dtype == np.uint8


@pytest.mark.slow
@pytest.mark.parametrize("packing", ["gz", "xz", "zst", "zip", "tar", "tar.gz"])
def test_a_packed_csv_that_ends_early_is_an_error_not_a_shorter_table(tmp_path, packing):
    rows = "".join(f"0,{' '.join(map(str, np.random.default_rng(i).integers(0, 256, 400)))},a\n" for i in range(400))
    packed = PACKERS[packing](("emotion,pixels,Usage\n" + rows).encode())
    path = tmp_path / "f"
    path.write_bytes(packed[: len(packed) // 2])
    message = error_of(path)
    assert message.startswith(f"{path} cannot be read past line ")
    assert message.endswith(": fetch it again")


def test_the_error_of_a_truncated_gz_names_the_last_good_line(tmp_path):
    path = written(tmp_path, {"f.csv.gz": gzip.compress(TABLE.encode())[:-8]}) / "f.csv.gz"
    assert error_of(path) == (
        f"{path} cannot be read past line 3 (Compressed file ended before the end-of-stream marker was reached): "
        "fetch it again"
    )


def test_zstd_frames_one_after_another_are_read_to_the_end(tmp_path):
    frames = zstandard.compress(TABLE.encode()) + zstandard.compress(b"6,1 1 1 1,Training\n")
    assert [row.label for row in read(written(tmp_path, {"f.csv.zst": frames}))] == ["3", "0", "6"]


@pytest.mark.parametrize(
    "header", ["emotion, Usage, pixels", "\ufeffEmotion,usage,PIXELS", '"emotion","Usage","pixels"']
)
def test_columns_are_found_by_name_whatever_their_order_case_and_blanks(tmp_path, header):
    (row,) = read_table(tmp_path, f"{header}\r\n3,Training,1 2 3 4\r\n")
    assert (row.label, row.split, row.image.ravel().tolist()) == ("3", "Training", [1, 2, 3, 4])


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_a_csv_reads_the_same_however_cells_are_separated_and_text_is_encoded(tmp_path, delimiter, encoding):
    text = TABLE.replace(",", delimiter).replace("3", "col\u00e8re").replace("PublicTest", "d\u00e9p\u00f4t")
    (tmp_path / "f.csv").write_bytes(text.encode(encoding))
    first, second = read(tmp_path)
    assert (first.label, first.split, first.image.ravel().tolist()) == ("col\u00e8re", "Training", [0, 50, 100, 255])
    assert (second.label, second.split) == ("0", "d\u00e9p\u00f4t")


@pytest.mark.parametrize("pixels", ["[1 2 3 4]", '"1,2,3,4"', '"[1, 2, 3, 4]"', "1.0 2.0 3.0 4.", '"(1.0, 2, 3, 4)"'])
def test_pixels_may_be_lists_and_numbers_with_a_point(tmp_path, pixels):
    (row,) = read_table(tmp_path, f"emotion,pixels,Usage\n0,{pixels},a\n")
    assert row.image.ravel().tolist() == [1, 2, 3, 4]


def test_pixels_that_are_no_integers_in_any_row_are_quoted(tmp_path):
    (row,) = read_table(tmp_path, "emotion,pixels,Usage\n0,0.1 0.2 nan 1.5,a\n")
    assert row.detail == "4 pixels, expected a square of integers, got '0.1'"


def test_without_the_column_usage_no_row_has_a_split(tmp_path):
    (row,) = read_table(tmp_path, "emotion,pixels\n3,1 2 3 4\n")
    assert (row.label, row.split) == ("3", None)


def test_a_repeated_header_is_a_rejected_row_that_is_not_counted(tmp_path):
    source = recognise(written(tmp_path, {"f.csv": TABLE + TABLE}) / "f.csv", FOLDER_SPLITS)
    rows = list(source.read())
    assert rows[2] == Reject("f.csv:4", "repeated_header", "the names of the columns again, expected a face")
    assert [isinstance(row, RawRow) for row in rows] == [True, True, False, True, True]
    assert source.counts() == Counter({("Training", "3"): 2, ("PublicTest", "0"): 2})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_byte_order_marks_within_joined_files_are_no_text(tmp_path, encoding):
    text = f"{TABLE}\ufeff{TABLE}".replace("PublicTest", "PublicTest\ufeff")
    (tmp_path / "f.csv").write_bytes(text.encode(encoding))
    source = recognise(tmp_path / "f.csv", FOLDER_SPLITS)
    assert source.counts() == Counter({("Training", "3"): 2, ("PublicTest", "0"): 2})
    assert [row.reason for row in source.read() if isinstance(row, Reject)] == ["repeated_header"]


def test_columns_beyond_the_three_are_ignored_and_an_empty_usage_is_none(tmp_path):
    (row,) = read_table(tmp_path, 'note,emotion,pixels,Usage\n"a, b",happy,7,\n')
    assert (row.label, row.split, row.image.shape) == ("happy", None, (1, 1, 1))


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("0,1 2 3,a", "wrong_pixel_count", "3 pixels, expected 4"),
        ("0,,a", "wrong_pixel_count", "0 pixels, expected 4"),
        ("0,1 2 3 4 5 6 7 8 9,a", "wrong_pixel_count", "9 pixels, expected 4"),
        ("0,1 2 300 4,a", "bad_pixel_value", "value '300', expected an integer from 0 to 255"),
        ("0,1 2 -1 4,a", "bad_pixel_value", "value '-1', expected an integer from 0 to 255"),
        ("0,1 2 3.5 4,a", "bad_pixel_value", "value '3.5', expected an integer from 0 to 255"),
        ("0,1 2 x 4,a", "bad_pixel_value", "value 'x', expected an integer from 0 to 255"),
        (f"0,1 2 {10**30} 4,a", "bad_pixel_value", f"value '{10**30}', expected an integer from 0 to 255"),
        (f"0,1 2 {'9' * 5000} 4,a", "bad_pixel_value", f"value '{'9' * 40}', expected an integer from 0 to 255"),
        (f"0,1 2 {'0' * 5000}256 4,a", "bad_pixel_value", f"value '{'0' * 40}', expected an integer from 0 to 255"),
        ("0,1 2 3 4", "malformed_row", "2 cells, expected 3"),
        ('"0,1 2 3 4,a', "malformed_row", "1 cells, expected 3"),
    ],
)
def test_a_bad_row_is_rejected_and_the_others_are_read(tmp_path, row, reason, detail):
    good = "0,5 5 5 5,a\n"
    before, bad, after = read_table(tmp_path, f"emotion,pixels,Usage\n{good}{row}\n{good}")
    assert (bad.source, bad.reason, bad.detail) == ("f.csv:3", reason, detail)
    assert isinstance(before, RawRow)
    assert isinstance(after, RawRow)


def test_a_bad_first_row_does_not_determine_the_side(tmp_path):
    first, *others = read_table(tmp_path, "emotion,pixels,Usage\n0,1,a\n0,1 2 3 4,a\n0,1 2 3 4,a\n")
    assert first == Reject("f.csv:2", "wrong_pixel_count", "1 pixels, expected 4", "a", "0")
    assert all(isinstance(row, RawRow) for row in others)


def test_without_any_square_row_all_are_rejected(tmp_path):
    (row,) = read_table(tmp_path, "emotion,pixels,Usage\n0,1 2 3,a\n")
    assert row == Reject("f.csv:2", "wrong_pixel_count", "3 pixels, expected a square", "a", "0")


def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path):
    assert [row.source for row in read_table(tmp_path, "emotion,pixels,Usage\n\n0,1,a\n\n0,1,a\n")] == [
        "f.csv:3",
        "f.csv:5",
    ]


def test_faces_of_224_pixels_fit_a_row(tmp_path):
    (row,) = read_table(tmp_path, f"emotion,pixels,Usage\n0,{'200 ' * 224**2},a\n")
    assert row.image.shape == (224, 224, 1)


def test_the_rows_of_a_csv_are_counted_without_parsing_pixels(tmp_path):
    source = recognise(written(tmp_path, {"f.csv": TABLE + "3,broken,Training\n"}), FOLDER_SPLITS)
    assert source.counts() == Counter({("Training", "3"): 2, ("PublicTest", "0"): 1})


@pytest.mark.parametrize(("limit", "value"), [("MAX_LINE", 30), ("MAX_CHARACTERS", 60)])
def test_a_file_that_unpacks_beyond_the_limits_is_refused(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(lines, limit, value)
    path = written(tmp_path, {"f.csv": TABLE + "0," + "1 " * 50 + ",a\n"}) / "f.csv"
    assert error_of(path).startswith(f"{path}, line ")
    assert error_of(path).endswith(": more text than a table of faces holds; check the file")


def test_a_zip_of_two_csv_files_is_refused(tmp_path):
    path = written(tmp_path, {"f.zip": zipped({"a.csv": TABLE.encode(), "b.csv": TABLE.encode()})}) / "f.zip"
    assert error_of(path) == f"{path} holds 2 CSV files, expected one: unpack it and name the file or folder"


def test_a_tar_of_two_csv_files_is_refused(tmp_path):
    path = written(tmp_path, {"f.tar": tarred({"a.csv": TABLE.encode(), "b.csv": TABLE.encode()})}) / "f.tar"
    assert error_of(path) == f"{path} holds 2 CSV files, expected one: unpack it and name the file or folder"


@pytest.mark.parametrize(("limit", "value"), [("MAX_MEMBERS", 1), ("MAX_UNPACKED", 80)])
def test_a_tar_beyond_the_limits_is_refused(tmp_path, monkeypatch, limit, value):
    monkeypatch.setattr(unpack, limit, value)
    path = written(tmp_path, {"f.tar": tarred({"a.csv": TABLE.encode(), "b.txt": b"?" * 50})}) / "f.tar"
    assert error_of(path).startswith(f"{path} holds more than ")


def test_a_tar_that_declares_a_large_header_is_refused_unread(tmp_path):
    member = tarfile.TarInfo("a")
    member.type, member.size = tarfile.XHDTYPE, 2**30
    path = written(tmp_path, {"f.tar": member.tobuf()}) / "f.tar"
    assert error_of(path) == (
        f"{path} cannot be read past line 0 (a header of {2**30} bytes, expected at most {2**20}): fetch it again"
    )


def test_members_of_a_tar_that_are_no_files_are_no_csv(tmp_path):
    link = tarfile.TarInfo("fer.csv")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    path = written(tmp_path, {"f.tar": tarred({"fer.csv": link, "a.csv": TABLE.encode()})}) / "f.tar"
    assert [row.source for row in read(path)] == ["f.tar:2", "f.tar:3"]


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["happy/1.jpg", "sad/1.PNG"], [(None, "happy"), (None, "sad")]),
        (["train/happy/1.jpg", "Validation/sad/1.webp"], [("Validation", "sad"), ("train", "happy")]),
        (["fer/train/happy/1.jpg", "fer/test/sad/1.bmp"], [("test", "sad"), ("train", "happy")]),
        (["fer/aligned/happy/1.jpg", "fer/aligned/sad/1.jpg"], [(None, "happy"), (None, "sad")]),
        (["happy/ann/1.jpg", "sad/bob/1.jpeg"], [(None, "happy"), (None, "sad")]),
        (["test/train/happy/ann/1.jpg", "test/val/sad/1.jpg"], [("train", "happy"), ("val", "sad")]),
        (["fer/happy/1.jpg"], [(None, "happy")]),
        (
            ["test/sad/PrivateTest_1.jpg", "test/sad/PublicTest_2.jpg", "train/sad/Training_3.jpg"],
            [("PrivateTest", "sad"), ("PublicTest", "sad"), ("Training", "sad")],
        ),
        (["fer/test/sad/PrivateTest_1.jpg", "fer/test/sad/own.jpg"], [("PrivateTest", "sad"), ("test", "sad")]),
        (["happy/Training_2.jpg", "happy/ann/PublicTest_1.jpg"], [("Training", "happy"), ("PublicTest", "happy")]),
        *(
            ([f"test/sad/{name}.jpg", "train/sad/1.jpg"], [("test", "sad"), ("train", "sad")])
            for name in ("PublicTest", "PublicTest_", "a PublicTest_1", "publictest_1", "Training_session_3")
        ),
        (
            ["test/sad/PublicTest_1.jpg", "test/sad/Training_2.jpg", "train/sad/PrivateTest_3.jpg"],
            [("test", "sad"), ("test", "sad"), ("train", "sad")],
        ),
        (["train/happy/anna/1.jpg", "train/happy/Test/1.jpg"], [("train", "happy"), ("train", "happy")]),
        (
            ["train/Val/happy/1.jpg", "train/anna/sad/1.jpg", "test/anna/sad/1.jpg"],
            [("test", "sad"), ("train", "happy"), ("train", "sad")],
        ),
        (["train/val/happy/1.jpg", "train/Testing/sad/1.jpg"], [("Testing", "sad"), ("val", "happy")]),
        (
            ["happy/train/1.jpg", "happy/test/1.jpg", "sad/train/1.jpg"],
            [("test", "happy"), ("train", "happy"), ("train", "sad")],
        ),
        (["fer/happy/train/1.jpg", "fer/contempt/test/1.jpg"], [("test", "contempt"), ("train", "happy")]),
        (["Training/happy/1.jpg", "Testing/happy/1.jpg"], [("Testing", "happy"), ("Training", "happy")]),
        (["train/happy/1.jpg", "val_set/val_set/sad/1.jpg"], [("train", "happy"), ("val_set", "sad")]),
        (["set/train_set/happy/1.jpg", "set/val_set/sad/1.jpg"], [("train_set", "happy"), ("val_set", "sad")]),
        (
            ["happy/anna/1.jpg", "happy/Test/1.jpg", "sad/anna/1.jpg"],
            [("Test", "happy"), ("anna", "happy"), ("anna", "sad")],
        ),
        (["train/anna/happy/1.jpg", "ben/happy/1.jpg"], [("ben", "happy"), ("train", "happy")]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_split_and_label_come_from_the_folders_and_from_names_as_fer2013_has_them(tmp_path, names, places, packed):
    files = dict.fromkeys(names, b"?")
    root = written(tmp_path, {"f.zip": zipped(files)} if packed else files)
    source = recognise(root, FOLDER_SPLITS | FER2013, LABELS)
    assert [(row.split, row.label) for row in source.read()] == places
    assert source.counts() == Counter(places)


def test_pictures_are_named_by_their_path_and_read_in_sorted_order(tmp_path):
    written(tmp_path, {"sad/2.jpg": b"2", "sad/10.jpg": b"10", "happy/b c.png": b"b"})
    assert read(tmp_path) == [
        RawRow("happy/b c.png", "happy", None, b"b"),
        RawRow("sad/10.jpg", "sad", None, b"10"),
        RawRow("sad/2.jpg", "sad", None, b"2"),
    ]


def test_files_that_are_no_pictures_are_rejected_and_bookkeeping_is_not_counted(tmp_path):
    written(tmp_path, {"happy/1.jpg": b"1", "happy/._1.jpg": b"?", "note.txt": b"?", "loose.jpg": b"?"})
    written(tmp_path, {".DS_Store": b"?", "happy/Thumbs.db": b"?", ".git/x.jpg": b"?", "__MACOSX/happy/1.jpg": b"?"})
    (tmp_path / "happy/gone.jpg").symlink_to("nowhere")
    expected = "expected a visible file, .bmp, .gif, .jfif, .jpeg, .jpg, .png, .tif, .tiff, .webp"
    assert read(tmp_path) == [
        Reject("loose.jpg", "unknown_label", "in no class folder"),
        Reject("note.txt", "not_an_image", expected),
        Reject("happy/._1.jpg", "not_an_image", expected, None, "happy"),
        RawRow("happy/1.jpg", "happy", None, b"1"),
        Reject("happy/gone.jpg", "unreadable_file", "No such file or directory", None, "happy"),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_not_read_are_counted_by_suffix(tmp_path, packed):
    files = dict.fromkeys(["happy/1.jpg", "happy/2.HEIC", "sad/3.heic", "sad/._1.png", "README"], b"?")
    source = recognise(written(tmp_path, {"f.zip": zipped(files)} if packed else files), FOLDER_SPLITS)
    assert source.unread_suffixes() == {".heic": 2, "hidden": 1, "no suffix": 1}


def test_a_tree_without_pictures_is_an_error_that_counts_its_suffixes(tmp_path):
    written(tmp_path, {"happy/1.heic": b"?", "sad/2.heic": b"?", "sad/3.txt": b"?"})
    assert error_of(tmp_path) == f"{tmp_path} holds happy, sad (files: 2 .heic, 1 .txt), {ACCEPTED}"


def test_a_picture_above_the_limit_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tree, "MAX_BYTES", 3)
    assert read(written(tmp_path, {"happy/1.jpg": b"123", "happy/2.jpg": b"1234"})) == [
        RawRow("happy/1.jpg", "happy", None, b"123"),
        Reject("happy/2.jpg", "too_many_bytes", "more than the limit of 3 bytes", None, "happy"),
    ]


def test_of_a_picture_above_the_limit_one_byte_more_is_read_and_no_more(monkeypatch):
    monkeypatch.setattr(image_tree, "MAX_BYTES", 3)
    file = io.BytesIO(b"1" * 100)
    assert isinstance(image_tree.read_image("1.jpg", file), Reject)
    assert file.tell() == 4


def test_a_link_to_a_folder_is_an_error(tmp_path):
    written(tmp_path, {"data/happy/1.jpg": b"1", "elsewhere/1.jpg": b"1"})
    (tmp_path / "data/sad").symlink_to(tmp_path / "elsewhere")
    assert error_of(tmp_path / "data") == (
        f"{tmp_path}/data/sad is a link to a folder: put the folder itself in its place"
    )


@pytest.mark.parametrize("name", [b"train/happy/caf\xe9.png", b"h\xe4ppy/1.png", b"f\xfcr.csv"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path, name):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/data/" + name))
    path.parent.mkdir(parents=True)
    path.write_bytes(png(1) if name.endswith(b"png") else TABLE.encode())
    shown = f"{tmp_path}/data/{name.decode('utf-8', 'backslashreplace')}"
    message = f"{shown} is a name that is not UTF-8: rename it, as with `convmv -f latin1 -t utf8`"
    assert error_of(tmp_path / "data") == error_of(path) == message


def test_a_missing_path_is_an_error(tmp_path):
    assert error_of(tmp_path / "no") == f"{tmp_path}/no does not exist: name a CSV file or a folder of pictures"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "nothing"),
        ({".gitignore": ""}, ".gitignore"),
        ({"1.jpg": "", "2.jpg": ""}, "1.jpg, 2.jpg"),
        ({f"{i}.txt": "" for i in range(9)}, "0.txt, 1.txt, 2.txt, 3.txt, 4.txt, ..."),
    ],
)
def test_a_folder_without_a_source_is_an_error_that_lists_its_content(tmp_path, files, found):
    assert error_of(written(tmp_path, files)) == f"{tmp_path} holds {found}, {ACCEPTED}"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"label,pixels,Usage\n0,1,a\n", "the first line 'label,pixels,Usage'"),
        (b"", "no text"),
        (b"\x89PNG\x00\x01", "no text"),
        (b"a" * 200_000 + b",b\n", f"the first line '{'a' * 60}'"),
    ],
)
def test_a_file_that_is_no_such_csv_is_an_error_that_quotes_it(tmp_path, content, found):
    path = written(tmp_path, {"f.csv": content}) / "f.csv"
    assert error_of(path) == f"{path} holds {found}, {ACCEPTED}"
    assert error_of(tmp_path) == error_of(path)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a.csv": TABLE, "b.csv": TABLE}, "FER2013 CSV {0}/a.csv, FER2013 CSV {0}/b.csv"),
        ({"a.csv": TABLE, "happy/1.jpg": ""}, "FER2013 CSV {0}/a.csv, class folders {0}"),
    ],
)
def test_two_sources_are_an_error(tmp_path, files, found):
    assert error_of(written(tmp_path, files)) == (
        f"{tmp_path} holds 2 sources ({found.format(tmp_path)}), expected one: remove or name one of them"
    )


def test_a_csv_is_found_among_other_files_and_is_the_only_file_of_the_source(tmp_path):
    written(tmp_path, {"f.csv": TABLE, "README.md": "hello", "damaged.gz": b"\x1f\x8b", "other.csv": "a,b\n"})
    assert recognise(tmp_path, FOLDER_SPLITS).files == ("f.csv",)
