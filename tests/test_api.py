"""The Python interface, as docs/notebook.ipynb uses it."""

import ast
import json
import sys

import numpy as np
import pytest
from PIL import Image

import emopipe
from emopipe.core.errors import DataError, ModelError
from emopipe.faces.png import encode_png
from emopipe.inference.api import Prediction
from emopipe.inference.recogniser import Face
from projects import ROOT, succeed

NOTEBOOK = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
GREY = np.random.default_rng(0).integers(0, 256, (50, 40), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    return emopipe.load("released", threads=1)


def test_the_notebook_runs_and_shows_a_face():
    space, shown = {}, []
    for cell in CELLS:
        *statements, last = ast.parse(cell).body
        exec(compile(ast.Module(statements, []), "notebook", "exec"), space)
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), "notebook", "eval"), space))
        else:
            exec(compile(ast.Module([last], []), "notebook", "exec"), space)
    faces, (facts,), probabilities, (accuracy, interval) = shown
    assert "<b>neutral</b>" in faces._repr_html_()
    assert facts["label"] == "neutral"
    assert facts["probabilities"]["neutral"] > 0.8
    assert probabilities.shape == (1, 7)
    assert accuracy == 1
    assert len(interval) == 2
    assert all(cell["outputs"] == [] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")


@pytest.mark.parametrize(
    "image",
    [GREY[:, :, None], np.repeat(GREY[:, :, None], 3, 2), Image.fromarray(GREY), encode_png(GREY[:, :, None])],
    ids=["grey", "RGB", "Pillow", "PNG"],
)
def test_all_forms_of_an_image_are_the_same_image(model, image, tmp_path):
    expected = model.probabilities([GREY])
    assert np.array_equal(model.probabilities([image]), expected)
    (tmp_path / "face.png").write_bytes(encode_png(GREY[:, :, None]))
    assert np.array_equal(model.probabilities([tmp_path / "face.png", str(tmp_path / "face.png")])[1:], expected)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("missing.png", "missing.png: No such file or directory"),
        (b"rubbish", "the bytes do not decode as an image"),
        (GREY.astype(np.float32), r"expected an image uint8 .*, got float32 \(50, 40, 1\)"),
        (np.zeros((0, 3, 3), np.uint8), r"got uint8 \(0, 3, 3\)"),
        (None, "expected a path, bytes, an array or an image of Pillow, got NoneType"),
        (Image.fromarray(GREY.astype(np.float32)), "its pixels are floating-point numbers"),
    ],
)
def test_what_is_no_image_is_an_error_in_one_line(model, image, message):
    with pytest.raises(DataError, match=message):
        model(image)


def test_sixteen_bits_are_scaled_as_in_a_file(model, tmp_path):
    image = Image.fromarray(GREY.astype(np.uint16) * 257)
    image.save(tmp_path / "face.png")
    assert np.array_equal(model.probabilities([image]), model.probabilities([tmp_path / "face.png"]))
    assert np.array_equal(model.probabilities([image]), model.probabilities([GREY]))


def test_predictions_can_be_compared_and_searched():
    face = Face(box=(1, 1, 9, 9), score=1.0, label="sad", probabilities=np.array([1.0], np.float32))
    prediction = Prediction(np.zeros((1, 2000, 3), np.uint8), [face], ("sad",))
    same = prediction
    assert (prediction == same, prediction.index(face), face in prediction) == (True, 0, True)
    assert "<img" in prediction._repr_html_()


def test_evaluation_knows_the_labels_and_counts_them(model):
    with pytest.raises(DataError, match="the labels joy are no classes of the model: angry, "):
        model.evaluate([GREY], ["joy"])
    with pytest.raises(DataError, match="2 images but 1 labels"):
        model.evaluate([GREY, GREY], ["happy"])
    best = model.classes[model.probabilities([GREY]).argmax()]
    assert model.evaluate([GREY], [best], resamples=10)["accuracy"] == 1
    assert model.probabilities([]).shape == (0, 7)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="holds no exported model"):
        emopipe.load(tmp_path)


def test_names_of_classes_are_text_in_a_notebook():
    hostile = "<script>"
    face = Face(box=(1, 1, 9, 9), score=1.0, label=hostile, probabilities=np.array([0.9, 0.1], np.float32))
    html = Prediction(np.zeros((900, 30, 3), np.uint8), [face], (hostile, "sad"))._repr_html_()
    assert hostile not in html
    assert "<th>&lt;script&gt;</th>" in html
    assert "no face" in Prediction(np.zeros((9, 9, 3), np.uint8), [], ("happy",))._repr_html_()


def test_importing_the_package_imports_nothing_else():
    code = (
        "import emopipe, sys; print(sorted(m for m in sys.modules if m.split('.')[0] in ('emopipe', 'numpy', 'cv2')))"
    )
    assert succeed(ROOT, sys.executable, "-c", code) == "['emopipe']\n"
    with pytest.raises(AttributeError, match="module 'emopipe' has no attribute 'missing'"):
        emopipe.missing  # noqa: B018
