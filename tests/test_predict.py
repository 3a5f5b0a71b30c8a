"""`emopipe predict`: inputs, output formats, annotated copies and errors."""

import csv
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emopipe.core.errors import DataError, ParamsError
from emopipe.faces.png import encode_png
from emopipe.inference.annotated import Annotator
from emopipe.inference.formats import FORMATS
from emopipe.inference.inputs import Input, find_inputs
from emopipe.inference.model import open_model
from emopipe.inference.predict import predict_files
from emopipe.inference.results import Result, classify_files, recognise_files
from emopipe.inference.video import VideoFile
from mutants import MUTATIONS, damaged, damaged_pictures
from projects import ROOT, environment, run
from scenes import CLASSES, scene, write_clip

SOURCE = str(ROOT / "src")
PLACES = ((60, 90), (300, 60), (480, 300))


def save(path: Path, pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path)
    return path


def grey(shade: int, side: int = 20):
    return np.full((side, side), shade, np.uint8)


def emopipe(folder: Path, *words: str):
    return run(folder, "emopipe", *words, PYTHONPATH=SOURCE)


def found(names, **options):
    return [(str(item.path), item.kind) for item in find_inputs(names, **options)]


def test_files_folders_and_patterns_are_found_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "b/2.jpg",
        "b/1.PNG",
        "b/.hidden.png",
        "b/.git/x.png",
        "b/c/v.MP4",
        "b/notes.txt",
        "odd[1].png",
        "raw",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    of_b = [("b/1.PNG", "image"), ("b/2.jpg", "image"), ("b/notes.txt", "other"), ("b/c/v.MP4", "video")]
    assert found(["b"]) == of_b
    assert found(["raw", "b/c/v.MP4"]) == [("raw", "image"), ("b/c/v.MP4", "video")], "named alone, anything is tried"
    assert found(["odd[1].png"]) == [("odd[1].png", "image")], "a file of this name goes before the pattern"
    assert found(["**/*.jpg", "*.gif"]) == [("b/2.jpg", "image"), ("*.gif", "missing")]
    assert found([str(tmp_path / "b" / "?.jpg")]) == [(str(tmp_path / "b" / "2.jpg"), "image")]
    assert found(["b"], exclude=Path("b/c")) == of_b[:-1]


def test_videos_are_found_by_content_where_the_suffix_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    packet = b"\x47" + bytes(187)
    files = {
        "clip.3gp": b"?",
        "clip.ts": packet * 2,
        "program.ts": b"const a = 1;",
        "noext": bytes(4) + b"ftyp3gp4",
        "photo": bytes(4) + b"ftypheic",
        "movie.dat": b"\x1aE\xdf\xa3",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 99)]
    frames[0].save("still.gif")
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    assert dict(found(["."])) == {
        "clip.3gp": "video",
        "clip.ts": "video",
        "moving.gif": "video",
        "movie.dat": "other",
        "noext": "other",
        "photo": "other",
        "program.ts": "other",
        "still.gif": "image",
    }
    assert found(["noext", "photo", "movie.dat"]) == [("noext", "video"), ("photo", "image"), ("movie.dat", "video")]


def test_files_are_read_lazily(tmp_path, recogniser):
    picture, asked = save(tmp_path / "a.png", scene()), []

    def endless():
        while True:
            asked.append(1)
            yield Input(picture, "image")

    assert len(list(islice(recognise_files(endless(), recogniser), 3))) == 3
    assert len(asked) == 3


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(tmp_path, recogniser):
    face = Input(save(tmp_path / "face.png", grey(10)), "image")

    def peak_of(num_files: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in classify_files((face for _ in range(num_files)), recogniser)) == num_files
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_of(100)  # what is imported late
    assert peak_of(2000) < 1.2 * peak_of(200)


def test_crops_get_the_predictions_of_the_model_for_the_files(tmp_path, recogniser, bundle):
    shades = [0, 250, 130, 100]
    paths = [save(tmp_path / f"{k}.png", grey(shade, 20 + k % 2)) for k, shade in enumerate(shades)]
    results = list(classify_files(find_inputs([str(tmp_path)]), recogniser))
    expected = open_model(str(bundle)).predict_encoded([path.read_bytes() for path in paths])
    assert [result.path for result in results] == paths
    assert np.stack([result.faces[0].probabilities for result in results]) == pytest.approx(expected)
    assert [face.box for face in results[1].faces] == [(0, 0, 21, 21)]
    assert [result.faces[0].label for result in results] == ["dark", "bright", "medium", "medium"]


@pytest.mark.slow
def test_json_lines_hold_every_image_and_every_failure(tmp_path, monkeypatch, recogniser, capsys):
    monkeypatch.chdir(tmp_path)
    save(Path("two.png"), scene(*PLACES[:2]))
    save(Path("none.png"), scene())
    Path("broken.jpg").write_bytes(b"rubbish")
    counts = predict_files(["."], recogniser, form="jsonl", crops=False, annotate=None)
    out, err = capsys.readouterr()
    broken, none, two = map(json.loads, out.splitlines())
    assert broken == {"path": "broken.jpg", "error": "the bytes do not decode as an image"}
    assert none == {"path": "none.png", "faces": []}
    assert [set(face) for face in two["faces"]] == [{"box", "score", "label", "probabilities"}] * 2
    assert [sum(face["probabilities"].values()) for face in two["faces"]] == pytest.approx([1, 1], abs=1e-5)
    assert err == "emopipe: broken.jpg: the bytes do not decode as an image\n"
    assert counts.line() == "2 images, 2 faces, 1 unreadable files, 0 other files skipped"


@pytest.mark.slow
def test_csv_has_a_row_per_face_and_one_for_an_image_without(tmp_path, recogniser, capsys):
    save(tmp_path / "a.png", scene(*PLACES))
    save(tmp_path / "b, with comma.png", scene())
    (tmp_path / "c.png").write_bytes(b"rubbish")
    predict_files([str(tmp_path)], recogniser, form="csv", crops=False, annotate=None)
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(Path(row["path"]).name, row["face"]) for row in rows] == [
        *(("a.png", str(number)) for number in (1, 2, 3)),
        ("b, with comma.png", ""),
        ("c.png", ""),
    ]
    assert sum(float(rows[0][name]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
    assert [row["error"] for row in rows] == ["", "", "", "", "the bytes do not decode as an image"]


@pytest.mark.slow
def test_a_video_is_read_frame_by_frame_with_stable_ids(clip, recogniser):
    results = list(recognise_files([Input(clip, "video")], recogniser))
    assert [[face.id for face in result.faces] for result in results] == [
        *[[]] * 4,
        *[[1]] * 6,
        *[[1, 2, 3]] * 6,
        [],
        [],
    ]
    assert [result.frame for result in results] == list(range(18))
    assert [result.seconds for result in results] == pytest.approx([k / 10 for k in range(18)], abs=0.001)


@pytest.mark.slow
def test_a_video_that_is_named_is_read_whatever_its_suffix_and_another_file_says_so(clip, tmp_path, recogniser):
    phone = tmp_path / "phone.3GP"
    phone.write_bytes(write_clip(tmp_path / "clip.3gp").read_bytes())
    num_frames = len(list(recognise_files([Input(clip, "video")], recogniser)))
    assert len(list(recognise_files(find_inputs([str(phone)]), recogniser))) == num_frames
    for name in ("clip", "clip.vid"):
        (tmp_path / name).write_bytes(clip.read_bytes())
        assert len(list(recognise_files(find_inputs([str(tmp_path / name)]), recogniser))) == num_frames
        (tmp_path / name).write_text("notes")
        [result] = recognise_files(find_inputs([str(tmp_path / name)]), recogniser)
        assert result.error == "the bytes do not decode as an image, and are no known video"


@pytest.mark.slow
def test_a_truncated_video_is_an_error(clip, tmp_path, recogniser):
    frames = [result.frame for result in recognise_files([Input(clip, "video")], recogniser)]
    damaged = tmp_path / "damaged.avi"
    whole = write_clip(tmp_path / "whole.avi", codec="MJPG").read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    *_, end = recognise_files([Input(damaged, "video")], recogniser)
    assert end.error is not None
    assert end.error.startswith("it ends early: ")
    assert len(frames) == 18
    [text] = recognise_files([Input(tmp_path / "text.mp4", "video")], recogniser)
    assert text.error == "OpenCV does not read it as a video"
    [crop] = classify_files([Input(clip, "video")], recogniser)
    assert crop.error == "expected an image of one face, got a video"


def test_a_too_large_image_is_refused_by_its_header(tmp_path, recogniser):
    header = struct.pack(">IIBBBBB", 6000, 5000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 4)
    [result] = recognise_files(find_inputs([str(tmp_path)]), recogniser)
    assert result.error == "6000x5000 pixels are more than the limit of 25000000"


def check_fuzz(folder, clip, recogniser, capsys, number):
    """`number` damaged pictures, and damaged videos: each has a result or an error."""
    rng, whole = np.random.default_rng(0), clip.read_bytes()
    for index, content in enumerate(damaged_pictures(0, number)):
        (folder / f"{index:05d}.png").write_bytes(content)
    counts = predict_files([str(folder)], recogniser, form="jsonl", crops=True, annotate=None)
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == number == counts.num_images + counts.num_unreadable
    assert len({line["path"] for line in lines}) == number
    assert min(counts.num_images, counts.num_unreadable) > number // 20
    assert [line["path"] for line in lines if "error" in line] == [line.split(": ")[1] for line in err.splitlines()]
    for index in range(number // 50):
        (folder / f"{index}.mp4").write_bytes(damaged(rng, whole))
    videos = predict_files([f"{folder}/*.mp4"], recogniser, form="jsonl", crops=False, annotate=None)
    assert videos.num_images
    assert videos.num_unreadable == len(capsys.readouterr().err.splitlines())


@pytest.mark.slow
def test_damaged_pictures_and_videos_have_a_result_or_an_error(tmp_path, clip, recogniser, capsys):
    check_fuzz(tmp_path, clip, recogniser, capsys, number=MUTATIONS)


@pytest.mark.slow
def test_annotated_copies_keep_names_and_frames(tmp_path, monkeypatch, clip, recogniser, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a/1.png", "b/1.png", "raw"):
        save(tmp_path / "photos.png", scene(PLACES[0]))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "photos.png").rename(name)
    predict_files(["a", "b", "raw", str(clip)], recogniser, form="table", crops=False, annotate=Path("out"))
    written = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file())
    inner = str(clip.relative_to(clip.anchor))
    assert written == sorted(["a/1.png", "b/1.png", "raw.png", inner])
    changed = np.any(cv2.imread("out/a/1.png") != cv2.imread("a/1.png"), axis=2)
    assert changed[90:180, 60:160].any()
    assert not changed[250:].any(), "nothing is drawn far from the face"
    assert sum(1 for _ in VideoFile(Path("out") / inner)) == 18
    capsys.readouterr()
    predict_files(["."], recogniser, form="jsonl", crops=False, annotate=Path("out"))
    assert len(capsys.readouterr().out.splitlines()) == 2, "the copies are not read"


def test_a_grey_crop_is_annotated_too(tmp_path, recogniser):
    picture = save(tmp_path / "1.png", grey(10, 48))
    with Annotator(tmp_path / "out", recogniser.classes) as annotator:
        for result in classify_files([Input(picture, "image")], recogniser):
            annotator.add(result)
    [copy] = (tmp_path / "out").rglob("1.png")
    assert cv2.imread(str(copy)).shape == (48, 48, 3)


def test_an_annotated_copy_never_replaces_its_original(tmp_path, monkeypatch, recogniser):
    monkeypatch.chdir(tmp_path)
    before = save(Path("1.png"), scene()).read_bytes()
    line = r"^1.png would be overwritten: expected another folder for --annotate$"
    with pytest.raises(ParamsError, match=line):
        predict_files(["1.png"], recogniser, form="csv", crops=False, annotate=Path())
    assert Path("1.png").read_bytes() == before


@pytest.mark.slow
def test_a_video_is_not_left_half_written(tmp_path, monkeypatch, clip, recogniser):
    monkeypatch.chdir(tmp_path)
    results = islice(recognise_files([Input(clip, "video")], recogniser), 3)
    with pytest.raises(KeyboardInterrupt), Annotator(Path("out"), recogniser.classes) as annotator:
        for result in results:
            annotator.add(result)
        raise KeyboardInterrupt
    assert [path for path in Path("out").rglob("*") if path.is_file()] == []


def test_a_folder_without_pictures_is_one_line(tmp_path, recogniser):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"^no image and no video in \S+ \(1 other files\)$"):
        predict_files([str(tmp_path)], recogniser, form="csv", crops=False, annotate=None)


def test_file_names_are_printed_without_control_characters(recogniser, capsys):
    line = next(FORMATS["table"][1](Result(path=Path("a\x1b[2Jb.png")), CLASSES))
    assert "\x1b" not in line


@pytest.mark.slow
def test_an_unreadable_file_is_status_3(tmp_path, bundle):
    save(tmp_path / "a.png", scene(PLACES[0]))
    good = emopipe(tmp_path, "predict", "a.png", "--model", str(bundle))
    assert (good.returncode, good.stderr) == (
        0,
        "emopipe: 1 images, 1 faces, 0 unreadable files, 0 other files skipped\n",
    )
    assert [line.split()[0] for line in good.stdout.splitlines()] == ["file", "a.png"]
    bad = emopipe(tmp_path, "predict", "a.png", "b.png", "--model", str(bundle), "--format", "jsonl")
    assert bad.returncode == 3
    assert bad.stderr.startswith("emopipe: b.png: No such file or directory\nemopipe: 1 images")
    missing = emopipe(tmp_path, "predict", "a.png", "--model", "exports")
    line = "emopipe: exports holds no exported model: name one with --model, or run `dvc repro export`\n"
    assert (missing.returncode, missing.stderr) == (1, line)


@pytest.mark.slow
def test_file_names_that_are_not_utf8_are_printed_unchanged(tmp_path, bundle):
    name = b"\xff\xfe.png"
    save(tmp_path / "a.png", grey(0)).rename(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    command = ["emopipe", "predict", "--crops", "--model", str(bundle), "--format"]
    with_path = environment(tmp_path, PYTHONPATH=SOURCE)
    rows, objects = (
        subprocess.run([*command, form, "."], cwd=tmp_path, env=with_path, capture_output=True, check=True).stdout
        for form in ("csv", "jsonl")
    )
    assert rows.splitlines()[1].startswith(name + b",")
    assert os.fsencode(json.loads(objects)["path"]) == name


@pytest.mark.slow
def test_a_closed_pipe_ends_the_command_without_a_traceback(tmp_path, bundle):
    for k in range(300):
        save(tmp_path / f"{k}.png", grey(k % 256))
    command = f"emopipe predict --crops --model {bundle} --format csv . | head -n 1"
    done = run(tmp_path, "bash", "-c", command, PYTHONPATH=SOURCE)
    assert done.stdout.startswith("path,")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_inference_commands_import_nothing_of_the_pipeline(tmp_path, bundle):
    """The dependencies of `pip install emopipe` are enough; all others are made impossible to import."""
    code = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] in (
            "torch", "mlflow", "dvc", "pandas", "pyarrow", "sklearn", "yaml", "filelock", "onnx", "scipy", "psutil"
        ):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from emopipe.cli.app import main
main()
"""
    save(tmp_path / "a.png", scene(PLACES[0]))

    def without_them(*words):
        return subprocess.run(
            [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert without_them("predict", "a.png", "--model", str(bundle)).returncode == 0
    for words, name in {
        ("summary",): "pandas",
        ("predict", "a.png", "--model", "models:/emopipe@champion"): "filelock",
    }.items():
        done = without_them(*words)
        remedy = "run `make setup`, or `pip install '.[pipeline]'`"
        line = f"emopipe: this is part of the pipeline and needs {name}: {remedy}\n"
        assert (done.returncode, done.stderr) == (1, line)


def test_encode_png_is_read_like_any_other(tmp_path, recogniser):
    (tmp_path / "1.png").write_bytes(encode_png(scene(PLACES[0])))
    [result] = recognise_files(find_inputs([str(tmp_path)]), recogniser)
    assert len(result.faces) == 1
