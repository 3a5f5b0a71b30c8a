"""Every row of a source becomes a face or a reject, and a source that is no use as a whole ends in one line."""

import io
import shutil
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.core.files import read_parquet
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.png import decode_png, pixel_digest
from emopipe.faces.table import Faces, faces_from_arrow
from emopipe.ingest.ingest import ingest
from emopipe.ingest.sources import recognise
from face_tables import ingest_params
from scenes import SIDE, scene

ROOT = Path(__file__).parents[1]
FER = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
HEADER = "emotion,pixels,Usage\n"
GOOD = "happy,1 2 3 4,Training\nsad,5 6 7 8,PublicTest\nhappy,9 9 9 9,PrivateTest\n"


NO_FACE = "has no labelled face: expected one per row, or pictures in folders named by their class"


class Result(NamedTuple):
    faces: Faces
    rejects: pd.DataFrame
    report: dict[str, Any]


def run(data: Path, *, channels=1, max_pixels=10_000, seed=0, votes=("given", "reject"), **changes) -> Result:
    options = {"val_fraction": 0.25, "test_fraction": 0.25, "max_pixels": max_pixels} | changes
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "faces.parquet")
        result = ingest(
            data,
            table,
            base=BaseParams(seed=seed, classes=("happy", "sad")),
            image=ImageParams(size=16, channels=channels),
            ingest=ingest_params(votes=votes, **options),
        )
        return Result(faces_from_arrow(read_parquet(table)), result.rejects, result.report)


def reasons_of(result: Result) -> list[list[str]]:
    return result.rejects[["source", "reason", "detail"]].to_numpy().tolist()


def run_table(folder: Path, rows: str, **options) -> Result:
    (folder / "f.csv").write_text(HEADER + rows)
    return run(folder, **options)


def picture(*, value=0, size=(4, 2), mode="RGB", form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, value).save(buffer, form, **options)
    return buffer.getvalue()


def write_tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def error_of(data: Path, **options) -> str:
    with pytest.raises(DataError) as caught:
        run(data, **options)
    return str(caught.value)


def error_of_table(folder: Path, rows: str, **options) -> str:
    (folder / "f.csv").write_text(HEADER + rows)
    return error_of(folder, **options)


def test_a_csv_becomes_faces_with_their_pixels_labels_and_splits(tmp_path):
    frame = run_table(tmp_path, GOOD).faces.frame
    assert frame["label"].tolist() == ["happy", "sad", "happy"]
    assert frame["split"].tolist() == ["train", "val", "test"]
    assert frame["source"].tolist() == ["f.csv:2", "f.csv:3", "f.csv:4"]
    assert frame[["width", "height"]].to_numpy().tolist() == [[2, 2]] * 3
    pixels = [decode_png(png) for png in frame["png"]]
    np.testing.assert_array_equal(pixels[0].squeeze(), [[1, 2], [3, 4]])
    assert frame["id"].tolist() == [pixel_digest(item) for item in pixels]
    assert frame["path"].tolist() == [f"{digest}.png" for digest in frame["id"]]


@pytest.mark.parametrize("label", ["happy", "HAPPY", "happiness", "3"])
def test_labels_are_taken_by_name_alias_or_index(tmp_path, label):
    assert run_table(tmp_path, GOOD.replace("happy", label)).faces.frame["label"].tolist() == ["happy", "sad", "happy"]


def test_broken_notes_beside_the_pixels_do_no_harm(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0"
    names = [f"{split}/{label}/1.jpg" for split in ("train", "val", "test") for label in ("happy", "sad")]
    assert len(run(write_tree(tmp_path, dict.fromkeys(names, picture(form="JPEG", exif=exif)))).faces) == 6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP"])
def test_pictures_keep_their_size_and_get_the_channels_of_params(tmp_path, channels, mode, form):
    content = picture(mode=mode, form=form)
    names = [f"{split}/{label}/1.png" for split in ("train", "val", "test") for label in ("happy", "sad")]
    frame = run(write_tree(tmp_path, dict.fromkeys(names, content)), channels=channels).faces.frame
    assert [decode_png(png).shape for png in frame["png"]] == [(2, 4, channels)] * 6
    assert set(zip(frame["width"], frame["height"], strict=True)) == {(4, 2)}


def test_a_grey_csv_is_repeated_for_three_channels(tmp_path):
    pixels = decode_png(run_table(tmp_path, GOOD, channels=3).faces.frame["png"][0])
    np.testing.assert_array_equal(pixels, np.repeat([[[1], [2]], [[3], [4]]], 3, axis=2))


def test_each_bad_row_of_a_csv_is_in_the_rejects_and_counted(tmp_path):
    bad = "contempt,1 1 1 1,Training\nhappy,1 2 300 4,Training\nhappy,1 2 3,Training\nsad,1 1 1 1,\nsad\n"
    result = run_table(tmp_path, GOOD + bad)
    assert reasons_of(result) == [
        ["f.csv:5", "unknown_label", "label 'contempt', expected one of happy, sad"],
        ["f.csv:6", "bad_pixel_value", "value '300', expected an integer from 0 to 255"],
        ["f.csv:7", "wrong_pixel_count", "3 pixels, expected 4"],
        ["f.csv:8", "no_split", "the source names splits, but none for this row"],
        ["f.csv:9", "malformed_row", "1 cells, expected 3"],
    ]
    assert result.report == {
        "source": {"form": "FER2013 CSV", "files": ["f.csv"], "drawn": False},
        "rows_in": 8,
        "rows_out": 3,
        "rejected": {
            "bad_pixel_value": 1, "malformed_row": 1, "no_split": 1, "unknown_label": 1, "wrong_pixel_count": 1
        },
        "rejected_by_split": {
            "bad_pixel_value": {"train": {"happy": 1}},
            "malformed_row": {"unknown": {"unknown": 1}},
            "no_split": {"unknown": {"sad": 1}},
            "unknown_label": {"train": {"unknown": 1}},
            "wrong_pixel_count": {"train": {"happy": 1}},
        },
        "carved": {},
        "by_split": {"train": {"happy": 1, "sad": 0}, "val": {"happy": 0, "sad": 1}, "test": {"happy": 1, "sad": 0}},
    }  # fmt: skip


def test_a_fer2013_row_with_a_pixel_too_few_is_rejected(tmp_path):
    rows = [f"{label},{'7 ' * 2304},{usage}\n" for label, usage in zip("343", FER, strict=True)]
    result = run_table(tmp_path, "".join(rows) + f"3,{'7 ' * 2303},Training\n")
    assert reasons_of(result) == [["f.csv:5", "wrong_pixel_count", "2303 pixels, expected 2304"]]


def test_each_bad_file_of_a_tree_is_in_the_rejects_and_counted(tmp_path):
    good = {f"{split}/{label}/1.png": picture() for split in ("train", "val", "test") for label in ("happy", "sad")}
    bad = {
        "train/happy/2.jpg": picture()[:-20],
        "train/happy/3.jpg": b"no picture",
        "train/happy/4.jpg": picture(size=(101, 100)),
        "train/happy/notes.txt": b"",
        "train/contempt/1.png": picture(),
        "happy/1.png": picture(),
    }
    result = run(write_tree(tmp_path, good | bad))
    assert reasons_of(result) == [
        ["happy/1.png", "no_split", "the source names splits, but none for this row"],
        ["train/contempt/1.png", "unknown_label", "label 'contempt', expected one of happy, sad"],
        ["train/happy/2.jpg", "undecodable_image", "the bytes do not decode as an image"],
        ["train/happy/3.jpg", "undecodable_image", "the bytes do not decode as an image"],
        ["train/happy/4.jpg", "too_many_pixels", "101x100 pixels are more than the limit of 10000"],
        [
            "train/happy/notes.txt",
            "not_an_image",
            "expected a visible file, .bmp, .gif, .jfif, .jpeg, .jpg, .png, .tif, .tiff, .webp",
        ],
    ]
    assert (result.report["rows_in"], result.report["rows_out"]) == (12, 6)
    assert result.report["source"] == {
        "form": "class folders",
        "files": ["happy", "test", "train", "val"],
        "drawn": False,
    }


def test_a_csv_of_pictures_above_the_limit_is_rejected(tmp_path):
    assert error_of_table(tmp_path, GOOD, max_pixels=3) == (
        f"{tmp_path}/f.csv has no usable row among 3; the first, f.csv:2: 2x2 pixels are more than the limit of 3"
    )


def test_missing_splits_are_sampled_from_train_and_identical_pictures_stay_together(tmp_path):
    rows = "".join(f"{label},{i} {i} {i} {i},\n" for label in ("happy", "sad") for i in [*range(20), *range(20)])
    result = run_table(tmp_path, rows)
    frame = result.faces.frame
    assert result.report["carved"].keys() == {"val", "test"}
    assert frame.groupby("id")["split"].nunique().max() == 1
    assert result.report["by_split"]["val"] == result.report["by_split"]["test"]
    assert set(frame["split"]) == {"train", "val", "test"}


def test_a_split_of_the_source_is_left_alone_when_another_is_sampled(tmp_path):
    rows = "".join(f"{label},{i} 0 0 0,Training\n" for label in ("happy", "sad") for i in range(40))
    result = run_table(tmp_path, rows + "happy,0 0 0 1,PrivateTest\nsad,0 0 0 2,PrivateTest\n")
    assert result.report["carved"] == {"val": 20}
    assert result.report["by_split"] == {
        "train": {"happy": 30, "sad": 30}, "val": {"happy": 10, "sad": 10}, "test": {"happy": 1, "sad": 1}
    }  # fmt: skip


def test_the_same_source_gives_the_same_table_and_another_seed_another_split(tmp_path):
    rows = "".join(f"{label},{i} 0 0 0,\n" for label in ("happy", "sad") for i in range(40))
    first, again, other = (run_table(tmp_path, rows, seed=seed).faces.frame for seed in (0, 0, 1))
    assert first.equals(again)
    assert first["split"].tolist() != other["split"].tolist()


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            GOOD.replace("Public", "Final"),
            {},
            "names the splits FinalTest, which ingest.split_map in params.yaml does not know: "
            "add each there, as train, val or test",
        ),
        (
            GOOD.replace("PublicTest", "Training"),
            {"val_fraction": 0},
            "has no val, and ingest.val_fraction is 0: raise it, "
            "or map one of its names (PrivateTest, Training) to val in ingest.split_map",
        ),
        (
            GOOD.replace("sad", "happy"),
            {},
            "has no usable picture of the class sad: add some, or take the class out of base.classes in params.yaml",
        ),
        (
            GOOD.replace("5 6 7 8", "5 6 7") + "sad,1 1 1 1,Training\n",
            {},
            "has no usable picture in val: add some, or map the split elsewhere",
        ),
        (
            "0,1,a\ncontempt,1,a\n",
            {},
            "has no label that is a class (0, contempt), expected happy, sad: "
            "map its labels under ingest.label_map in params.yaml, or set base.classes, as `emopipe data import "
            "--set-params` does",
        ),
        ("", {}, NO_FACE),
        ("happy\n", {}, NO_FACE),
    ],
)
def test_a_csv_that_is_no_use_as_a_whole_ends_in_one_line(tmp_path, rows, options, message):
    assert error_of_table(tmp_path, rows, **options) == f"{tmp_path}/f.csv {message}"


def test_a_tree_without_class_folders_ends_in_one_line(tmp_path):
    assert error_of(write_tree(tmp_path, {"train/1.png": picture()})) == f"{tmp_path} {NO_FACE}"


def test_a_tree_of_unknown_folders_ends_in_one_line(tmp_path):
    write_tree(tmp_path, {f"fold{i}/happy/1.png": picture() for i in range(7)})
    assert error_of(tmp_path) == (
        f"{tmp_path} names the splits fold0, fold1, fold2, fold3, fold4, fold5, fold6, which ingest.split_map in "
        "params.yaml does not know: add each there, as train, val or test"
    )


cells = st.sampled_from(["happy", "sad", "contempt", ""])
texts = st.sampled_from(["1 2 3 4", "4 3 2 1", "1 2 3", "1 2 3 256", "x", ""])
usages = st.sampled_from(["Training", "PublicTest", "PrivateTest", ""])


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(cells, texts, usages).map(",".join), max_size=20))
def test_the_counts_of_a_csv_add_up(tmp_path_factory, rows):
    result = run_table(tmp_path_factory.mktemp("csv"), GOOD + "\n".join(rows))
    report = result.report
    assert report["rows_in"] == 3 + len(rows)
    assert report["rows_in"] == report["rows_out"] + sum(report["rejected"].values())
    assert report["rows_out"] == len(result.faces) == sum(sum(part.values()) for part in report["by_split"].values())
    assert len(result.rejects) == sum(report["rejected"].values())


@pytest.mark.slow
def test_the_stage_ends_a_bad_source_in_one_line_and_writes_nothing(tmp_path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    outs = {"faces": "faces.parquet", "rejects": "rejects.csv", "report": "ingest.json"}
    options = [f"--{name}={path}" for name, path in {"data": "data", **outs}.items()]
    command = [sys.executable, ROOT / "stages" / "ingest.py", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "ingest: data does not exist: name a CSV file or a folder of pictures\n"
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"


def voted(folder: Path, *ballots: str, **options) -> Result:
    """Faces labelled happy, sad, happy, happy, sad, ... with votes for happiness, sadness, and what is no class."""
    usages = ["Training", "PublicTest", "PrivateTest", *["Training"] * (len(ballots) - 3)]
    labels = islice(cycle(["happy", "sad", "happy"]), len(ballots))
    faces = enumerate(zip(labels, usages, strict=True))
    rows = "".join(f"{label},{number} 1 1 1,{usage}\n" for number, (label, usage) in faces)
    lines = "".join(
        "{},x.png,0,{},0,{},0,0,0,0,0,{}\n".format(usage, *ballot.split())
        for usage, ballot in zip(usages, ballots, strict=True)
    )
    (folder / "votes.csv").write_text(VOTES + lines)
    return run_table(folder, rows, **options)


def test_votes_are_kept_by_class_and_change_no_label_by_default(tmp_path):
    frame = voted(tmp_path, "9 1 0", "3 6 1", "0 9 1", "0 9 1", "9 1 0").faces.frame
    assert frame["label"].tolist() == ["happy", "sad", "happy", "happy", "sad"]
    assert [list(votes) for votes in frame["votes"]] == [[9, 1], [3, 6], [0, 9], [0, 9], [9, 1]]


def test_a_plurality_of_votes_sets_the_label_or_rejects_the_row(tmp_path):
    ballots = ("9 1 0", "3 6 1", "9 1 0", "0 9 1", "5 5 0", "1 1 8")
    result = voted(tmp_path, *ballots, votes=("plurality", "reject"))
    assert result.faces.frame["label"].tolist() == ["happy", "sad", "happy", "sad"]
    assert result.rejects["reason"].tolist() == ["no_majority", "voted_no_class"]
    assert result.report["rejected_by_split"]["voted_no_class"] == {"train": {"happy": 1}}


def test_pictures_that_are_nearly_the_same_are_sampled_together(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for label in ("happy", "sad"):
        for _ in range(12):
            pixels = rng.integers(40, 200, (16, 16))
            rows += [f"{label},{' '.join(map(str, copy.ravel()))}," for copy in (pixels, pixels + 9, pixels[:, ::-1])]
    frame = run_table(tmp_path, "\n".join(rows) + "\n").faces.frame
    splits = frame["split"].to_numpy().reshape(-1, 3)
    assert (splits == splits[:, :1]).all()
    assert {*splits[:, 0]} == {"train", "val", "test"}


def test_of_animated_pictures_the_first_is_taken_and_they_are_counted(tmp_path):
    first, second = (Image.fromarray(np.full((20, 20), value, np.uint8)) for value in (9, 200))
    for split in ("train", "val", "test"):
        for label in ("happy", "sad"):
            path = tmp_path / "data" / split / label / "1.gif"
            path.parent.mkdir(parents=True)
            first.save(path, save_all=True, append_images=[second] * (label == "sad"))
    base, image = BaseParams(seed=0, classes=("happy", "sad")), ImageParams(size=16, channels=1)
    result = ingest(tmp_path / "data", tmp_path / "out", base=base, image=image, ingest=ingest_params())
    assert result.warnings == ["3 pictures are animated or have several pages: the first is taken of each"]
    faces = faces_from_arrow(read_parquet(tmp_path / "out")).frame
    assert {decode_png(png).max() for png in faces["png"]} == {9}


def write_photographs(folder):
    """Drawn faces somewhere in grey pictures of 640x480, and one picture without any."""
    for number, split in enumerate(FER.values()):
        for label in ("happy", "sad"):
            path = folder / split / label / f"{number}.png"
            path.parent.mkdir(parents=True)
            corners = ((100 + 50 * number, 80), (400, 300 - 40 * number))
            Image.fromarray(scene(*corners[: 1 + (label == "sad")])).save(path)
    Image.fromarray(scene()).save(folder / "train" / "sad" / "nobody.png")


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_the_face_is_cut_out_of_photographs_and_those_without_are_rejected(tmp_path, channels):
    write_photographs(tmp_path)
    result = run(tmp_path, channels=channels, max_pixels=640 * 480, crop_faces=True)
    assert reasons_of(result) == [
        ["train/sad/nobody.png", "no_face", "no face was found in the photograph"],
    ]
    assert len(result.faces.frame) == 6
    pictures = [decode_png(png) for png in result.faces.frame["png"]]
    assert all(height == width and depth == channels for height, width, depth in (face.shape for face in pictures))
    assert all(SIDE / 2 < len(face) < SIDE * 1.3 for face in pictures)
    assert result.report["rows_in"] == result.report["rows_out"] + sum(result.report["rejected"].values()) == 7


@pytest.mark.parametrize(("header", "drawn"), [("emotion,pixels,Usage", False), ("emotion,pixels,Usage,drawn", True)])
def test_faces_of_the_sample_are_recognised_by_their_column(tmp_path, header, drawn):
    (tmp_path / "faces.csv").write_text(f"{header}\n")
    assert recognise(tmp_path / "faces.csv", {}).is_drawn is drawn
