"""The registered model in MLflow: the forms of an image that it accepts, its outputs, and its evaluation by MLflow."""

import base64
import io

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emopipe.export.runtime import Bundle
from emopipe.faces.png import encode_png
from emopipe.tracking.store import NAME
from registries import champion_store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # mlflow warns of its own code
GREY = np.random.default_rng(0).integers(0, 256, (8, 6), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (8, 6, 3), dtype=np.uint8)
FACE = encode_png(GREY[..., None])
URI = f"models:/{NAME}@champion"
ACCEPTED = (
    "encoded bytes, base64 text, a pathlib.Path, a dict with bytes, a PIL image, or an array uint8 (H, W) or (H, W, C)"
)


@pytest.fixture(scope="module")
def registered(bundle, tmp_path_factory):
    """A store whose champion is the bundle of the tests."""
    with champion_store(tmp_path_factory.mktemp("store"), bundle, FACE) as client:
        yield client


@pytest.fixture(scope="module")
def model(registered):
    return mlflow.pyfunc.load_model(URI)


def predict(model, *images, **params):
    return model.predict(pd.DataFrame({"image": pd.Series(images, dtype=object)}), params=params or None)


def rotated_jpeg() -> bytes:
    """A colour JPEG that is upright by its EXIF orientation."""
    content, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLOUR).save(content, "JPEG", exif=exif)
    return content.getvalue()


def test_an_image_in_any_form_has_the_prediction_of_its_file(model, bundle, tmp_path):
    (tmp_path / "face.png").write_bytes(FACE)
    text = base64.encodebytes(FACE).decode()
    forms = [bytearray(FACE), memoryview(FACE), text, tmp_path / "face.png", {"bytes": FACE, "path": None}]
    forms += [{"bytes": text, "path": "elsewhere.png"}, Image.open(io.BytesIO(FACE)), GREY, GREY[..., None]]
    expected = predict(model, FACE)
    assert expected.iloc[0, 1:].to_numpy(float) == pytest.approx(Bundle(bundle).predict_encoded([FACE])[0])
    for form in forms:
        pd.testing.assert_frame_equal(predict(model, form), expected)
    jpeg = rotated_jpeg()
    for mode in (None, "CMYK"):
        picture = Image.open(io.BytesIO(jpeg))
        with_mode = picture if mode is None else Image.fromarray(COLOUR).convert(mode)
        assert predict(model, with_mode).iloc[0, 1:].sum() == pytest.approx(1)
    pd.testing.assert_frame_equal(predict(model, Image.open(io.BytesIO(jpeg))), predict(model, jpeg))
    pd.testing.assert_frame_equal(predict(model, COLOUR), predict(model, Image.fromarray(COLOUR)))


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (None, "NoneType"),
        (7, "int"),
        ("face.png", "text that is not base64"),
        ({"path": "face.png"}, "a dict of path"),
        ({"bytes": None, "path": "face.png"}, "a dict of bytes, path"),
        (GREY.astype(float), "an array float64 (8, 6)"),
        (GREY[0], "an array uint8 (6,)"),
        (np.zeros((0, 4), np.uint8), "an array uint8 (0, 4)"),
    ],
)
def test_anything_else_is_refused_in_a_line_with_the_accepted_forms(model, image, got):
    with pytest.raises(mlflow.MlflowException) as error:
        predict(model, FACE, image)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    assert error.value.message == f"image 1: expected {ACCEPTED}, got {got}"


def test_a_file_that_is_missing_or_damaged_is_named(model, tmp_path):
    cut = Image.open(io.BytesIO(rotated_jpeg()[:-40]))
    for image, line in {
        tmp_path / "none.png": f"image 0: {tmp_path / 'none.png'} is not readable (No such file or directory)",
        "": "image 0: the bytes do not decode as an image",
        FACE[:40]: "image 0: the bytes do not decode as an image",
    }.items():
        with pytest.raises(mlflow.MlflowException) as error:
            predict(model, image)
        assert error.value.message == f"{line}; expected PNG, JPEG, BMP or WebP, over HTTP in base64"
    with pytest.raises(mlflow.MlflowException, match=r"^image 0: the PIL image does not load; expected"):
        predict(model, cut)


def test_the_output_is_a_table_or_the_labels(model):
    table = predict(model, FACE, FACE)
    assert predict(model, FACE, FACE, output="table").equals(table)
    assert list(predict(model, FACE, FACE, output="label")) == list(table["label"])
    configured = mlflow.pyfunc.load_model(URI, model_config={"output": "label"})
    assert list(predict(configured, FACE)) == list(table["label"][:1])
    assert predict(configured, FACE, output="table").equals(table[:1])
    assert len(predict(model)) == len(predict(model, output="label")) == 0
    with pytest.raises(mlflow.MlflowException, match=r"^output: expected one of table, label, got scores$"):
        predict(model, FACE, output="scores")


@pytest.mark.parametrize("as_read", [lambda content: content, lambda content: {"bytes": content, "path": None}])
def test_mlflow_evaluates_a_version_as_a_classifier(registered, as_read):
    images = [encode_png(np.full((4, 4, 1), level, np.uint8)) for level in (10, 120, 130, 250)]
    data = pd.DataFrame({"image": map(as_read, images), "label": ["dark", "medium", "dark", "bright"]})
    with mlflow.start_run():
        result = mlflow.models.evaluate(
            URI, data, targets="label", model_type="classifier", model_config={"output": "label"}
        )
    assert (result.metrics["accuracy_score"], result.metrics["recall_score"]) == (0.75, 0.75)
    assert {"confusion_matrix", "per_class_metrics"} <= result.artifacts.keys()
