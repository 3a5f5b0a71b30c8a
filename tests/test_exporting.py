import copy
import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from emopipe.errors import DataError, ModelError
from emopipe.exporting.bundle import _calibration, make_bundle
from emopipe.exporting.graph import export_onnx
from emopipe.exporting.parity import compare
from emopipe.exporting.selection import best_model
from emopipe.faces import COLUMNS, Faces
from emopipe.images import encode_png, pixel_digest
from emopipe.params import ExportParams
from emopipe.predict import predict_faces
from emopipe.predictions import predictions_of
from emopipe.serving.bundle import Bundle
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.classifier import Classifier
from emopipe.training.networks import architecture

CLASSES = ("happy", "sad", "angry")
LIMITS = ExportParams(
    select_by="macro_f1", max_probability_difference=1e-4, min_int8_agreement=0.0, max_int8_f1_loss=1.0
)


def faces_of(sizes, splits, channels=1):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (height, width, channels), dtype=np.uint8) for height, width in sizes]
    rows = [
        (pixel_digest(picture), encode_png(picture), None, CLASSES[i % 3], split, f"row {i}", width, height, None)
        for i, (picture, split, (height, width)) in enumerate(zip(pictures, splits, sizes, strict=True))
    ]
    return Faces(pd.DataFrame(rows, columns=list(COLUMNS)))


FACES = faces_of([(48, 48)] * 8 + [(48, 48), (30, 40), (64, 50), (48, 48)], ["train"] * 8 + ["val"] * 4)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    wanted = architecture("cnn", num_classes=3, size=48, channels=1, max_stride=16)
    classifier = Classifier(wanted, mean=0.5, std=0.25, views="flip_shift", temperature=1.5)
    return TrainedModel(classifier=classifier.eval(), classes=CLASSES, training={})


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    proof = make_bundle(folder, model, FACES, LIMITS, channels=1)
    return folder, proof


@pytest.mark.slow
def test_the_graph_computes_what_torch_does_for_pictures_of_any_size(bundle, model):
    folder, proof = bundle
    assert proof["onnx"]["num_faces"] == proof["onnx_one_by_one"]["num_faces"] == 4
    for shape in [(1, 48, 48, 1), (5, 48, 48, 1), (3, 200, 90, 1), (2, 20, 33, 1)]:
        images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        expected = model.classifier.predict(torch.from_numpy(images)).numpy()
        assert Bundle(folder).predict(images) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_the_int8_graph_is_smaller_and_close(bundle):
    folder, proof = bundle
    assert (folder / "model.int8.onnx").stat().st_size < 0.4 * (folder / "model.onnx").stat().st_size
    assert proof["int8"]["kept"]
    assert proof["int8"]["max_probability_difference"] < 0.2


@pytest.mark.slow
def test_encoded_pictures_are_decoded_upright_and_in_the_right_colours(bundle):
    opened = Bundle(bundle[0])
    pixels = np.random.default_rng(2).integers(0, 256, (50, 40), dtype=np.uint8)
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to see it upright
    Image.fromarray(np.rot90(pixels)).save(turned, "PNG", exif=exif)
    assert opened.predict_encoded([turned.getvalue()]) == pytest.approx(opened.predict(pixels[None, :, :, None]))
    with pytest.raises(DataError, match=r"^the bytes do not decode as an image$"):
        opened.predict_encoded([b"rubbish"])


@pytest.mark.slow
def test_int8_is_left_out_when_it_is_not_good_enough(model, tmp_path):
    strict = ExportParams(
        select_by="macro_f1", max_probability_difference=1e-4, min_int8_agreement=1.0, max_int8_f1_loss=0.0
    )
    labels_as_predicted = FACES.frame.copy()
    labels_as_predicted["label"] = [CLASSES[k] for k in predict_faces(model, FACES, device="cpu").argmax(1)]
    proof = make_bundle(tmp_path, model, Faces(labels_as_predicted), strict, channels=1)
    assert proof["int8"]["kept"] == (tmp_path / "model.int8.onnx").exists()


@pytest.mark.slow
def test_a_graph_that_differs_from_torch_is_refused(model, tmp_path, monkeypatch):
    def export_another(classifier, channels, path):
        another = copy.deepcopy(classifier)
        another.temperature = 3.0  # the same answers, less sure
        export_onnx(another, channels, path)

    monkeypatch.setattr("emopipe.exporting.bundle.export_onnx", export_another)
    with pytest.raises(
        ModelError, match=r"^the ONNX graph does not compute what torch does: it agrees on 100.00% of 4 "
    ):
        make_bundle(tmp_path, model, FACES, LIMITS, channels=1)


def test_calibration_spreads_over_all_rows_and_sizes():
    sizes = [(20 + k % 3, 24) for k in range(1000)]
    batches = _calibration(faces_of(sizes, ["train"] * 1000))
    assert sum(len(batch) for batch in batches) == 512
    assert {batch.shape[1] for batch in batches} == {20, 21, 22}


def test_parity_counts_disagreements_and_the_loss_of_macro_f1():
    validation = FACES.split("val")
    right = np.eye(3)[[CLASSES.index(label) for label in validation.frame["label"]]]
    wrong = right.copy()
    wrong[0] = np.roll(right[0], 1)
    parity = compare(predictions_of(validation, right, CLASSES), wrong)
    assert (parity.agreement, parity.max_probability_difference) == (0.75, 1.0)
    assert parity.macro_f1_loss > 0


def test_the_best_model_is_chosen_on_validation_alone():
    reports = {"a": {"val": {"accuracy": 0.6}, "test": {"accuracy": 0.9}}, "b": {"val": {"accuracy": 0.7}}}
    assert best_model(reports, ["a", "b"], "accuracy") == "b"
    with pytest.raises(ModelError, match=r"^no report of c: run `dvc repro`$"):
        best_model(reports, ["a", "c"], "accuracy")


def test_a_folder_that_is_no_bundle_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"^[^\n]*is not an exported model [^\n]*: run `dvc repro export`$"):
        Bundle(tmp_path)
