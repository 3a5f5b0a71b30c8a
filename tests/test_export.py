import copy
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from emopipe.core.errors import DataError, GateError, ModelError
from emopipe.export.bundle import _calibration, int8_warning, make_bundle
from emopipe.export.graph import ExportGraph, export_onnx, fit_channels
from emopipe.export.params import ExportParams
from emopipe.export.parity import compare, shapes_difference
from emopipe.export.parity_page import worst_faces
from emopipe.export.runtime import Bundle
from emopipe.export.uncertainty import uncertainty_threshold
from emopipe.export.yolo import save_yolo
from emopipe.faces.png import decode_png, encode_png, pixel_digest
from emopipe.faces.predictions import predictions_of
from emopipe.faces.table import COLUMNS, Faces
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.classifier import Classifier
from emopipe.training.networks import architecture
from emopipe.training.networks.ultralytics_networks import ENVIRONMENT
from emopipe.training.predict import predict_faces

CLASSES = ("happy", "sad", "angry")
LIMITS = ExportParams(
    select_by="macro_f1",
    min_agreement=1.0,
    max_probability_difference=1e-4,
    min_int8_agreement=0.0,
    max_int8_f1_loss=1.0,
    max_uncertain_accuracy=0.5,
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


def trained(name="cnn", channels=1, **options):
    """Random weights with batch statistics of noise, so that predictions depend on the image."""
    torch.manual_seed(0)
    spec = architecture(name, num_classes=3, size=48, channels=channels, max_stride=16)
    classifier = Classifier(spec, mean=0.4, std=0.25, **options)
    for module in classifier.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5
    with torch.no_grad():
        for _ in range(5):
            classifier.train()(torch.randint(0, 256, (16, 12, 12, channels), dtype=torch.uint8))
    return TrainedModel(classifier=classifier.eval(), classes=CLASSES, training={})


@pytest.fixture(scope="module")
def model():
    return trained(views="flip_shift", temperature=0.02)


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    proof = make_bundle(folder, model, FACES, LIMITS, channels=1, origin={})
    return folder, proof


@pytest.fixture
def exported_before(bundle, monkeypatch):
    """`make_bundle` copies the graph of `bundle`, in place of an export that takes seconds."""
    graph = bundle[0] / "model.onnx"
    monkeypatch.setattr("emopipe.export.bundle.export_onnx", lambda *words: shutil.copy(graph, words[-1]))


def test_a_prediction_is_uncertain_where_the_model_is_as_often_wrong_as_right():
    confidence = np.array([0.4, 0.45, 0.5, 0.6, 0.7, 0.9])
    probabilities = np.stack([confidence, (1 - confidence) * 0.6, (1 - confidence) * 0.4], axis=1)
    right, wrong = 0, 1
    assert uncertainty_threshold(probabilities, np.array([wrong, right, wrong, right, right, right]), 0.5) == 0.65
    assert uncertainty_threshold(probabilities, np.full(6, right), 0.5) == 0.0
    assert uncertainty_threshold(probabilities, np.full(6, wrong), 0.5) == 0.95


@pytest.mark.slow
def test_the_description_names_the_graphs_by_sha256_and_a_damaged_one_is_refused(bundle, tmp_path):
    folder = shutil.copytree(bundle[0], tmp_path / "bundle")
    description = Bundle(folder).description
    assert set(description["sha256"]) == {"model.onnx", "model.int8.onnx"}
    assert Bundle(folder).uncertain_below == description["uncertain_below"]
    for name in description["sha256"]:
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)
        with pytest.raises(ModelError, match=f"{name} is damaged: its sha256 is not that of model.json"):
            Bundle(folder, graph=name)


@pytest.mark.slow
def test_the_graph_equals_torch_for_images_of_any_size(bundle, model):
    folder, proof = bundle
    assert proof["parity"]["onnx"]["num_faces"] == proof["parity"]["onnx_one_by_one"]["num_faces"] == 4
    assert proof["parity"]["onnx_other_shapes"]["max_probability_difference"] <= 1e-4
    shapes = [
        (1, 48, 48, 1),
        (5, 48, 48, 1),
        (3, 200, 90, 1),
        (2, 20, 33, 1),
        (1, 1, 1, 1),
        (2, 1, 50, 1),
        (1, 9000, 2, 1),
    ]
    for shape in shapes:
        images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        expected = model.classifier.predict(torch.from_numpy(images)).numpy()
        assert Bundle(folder).predict(images) == pytest.approx(expected, abs=1e-4)
    assert Bundle(folder).predict(np.zeros((0, 48, 48, 1), np.uint8)).shape == (0, 3)


def converted_by_pillow(pictures, channels):
    mode = "L" if channels == 1 else "RGB"
    converted = [np.asarray(Image.fromarray(picture.squeeze()).convert(mode)) for picture in pictures]
    return np.stack(converted).reshape(*pictures.shape[:3], channels)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_a_graph_for_grey_or_colour_takes_both(channels, tmp_path):
    model = trained(channels=channels, temperature=0.02)
    export_onnx(model.classifier, channels, tmp_path / "model.onnx")
    description = {"classes": CLASSES, "image_channels": channels}
    (tmp_path / "model.json").write_text(json.dumps(description))
    for given in (1, 3, 4):
        pictures = np.random.default_rng(3).integers(0, 256, (2, 50, 41, given), dtype=np.uint8)
        expected = model.classifier.predict(torch.from_numpy(converted_by_pillow(pictures, channels))).numpy()
        assert Bundle(tmp_path).predict(pictures) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("given", [1, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_colours_are_converted_exactly_as_in_pillow(given, channels):
    pictures = np.random.default_rng(0).integers(0, 256, (1, 300, 200, given), dtype=np.uint8)
    converted = fit_channels(torch.from_numpy(pictures), channels).numpy()
    np.testing.assert_array_equal(converted, converted_by_pillow(pictures, channels))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pictures", "got"),
    [
        (np.zeros((1, 9, 9, 2), np.uint8), "uint8 (1, 9, 9, 2)"),
        (np.zeros((9, 9, 1), np.uint8), "uint8 (9, 9, 1)"),
        (np.zeros((1, 0, 9, 1), np.uint8), "uint8 (1, 0, 9, 1)"),
        (np.zeros((1, 9, 9, 1), np.float32), "float32 (1, 9, 9, 1)"),
    ],
)
def test_arrays_that_are_no_images_are_one_line(bundle, pictures, got):
    expected = f"expected images uint8 (N, H, W, C) with C 1 (grey), 3 (RGB) or 4 (RGBA), got {got}"
    with pytest.raises(DataError, match=f"^{re.escape(expected)}$"):
        Bundle(bundle[0]).predict(pictures)


@pytest.mark.slow
def test_the_int8_graph_is_smaller_and_close(bundle):
    folder, proof = bundle
    assert (folder / "model.int8.onnx").stat().st_size < 0.4 * (folder / "model.onnx").stat().st_size
    int8 = proof["parity"]["int8"]
    assert int8["kept"]
    assert int8["max_probability_difference"] < 0.5
    assert int8["num_faces"] == proof["parity"]["int8_one_by_one"]["num_faces"] == 4
    assert not proof["yolo"]


@pytest.mark.slow
def test_encoded_images_are_decoded_upright(bundle):
    opened = Bundle(bundle[0])
    pixels = np.random.default_rng(2).integers(0, 256, (50, 40), dtype=np.uint8)
    rotated = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    Image.fromarray(np.rot90(pixels)).save(rotated, "PNG", exif=exif)
    assert opened.predict_encoded([rotated.getvalue()]) == pytest.approx(opened.predict(pixels[None, :, :, None]))
    with pytest.raises(DataError, match=r"^the bytes do not decode as an image$"):
        opened.predict_encoded([b"rubbish"])


@pytest.mark.slow
@pytest.mark.usefixtures("exported_before")
def test_int8_is_left_out_beyond_its_limits(model, tmp_path, monkeypatch):
    def quantise_badly(source, target, batches):
        another = copy.deepcopy(model.classifier)
        another.temperature = -another.temperature  # reverses the order of the classes
        export_onnx(another, 1, target)

    monkeypatch.setattr("emopipe.export.bundle.quantise", quantise_badly)
    strict = replace(LIMITS, min_int8_agreement=0.98, max_int8_f1_loss=0.005)
    labels_as_predicted = FACES.frame.copy()
    labels_as_predicted["label"] = [CLASSES[k] for k in predict_faces(model, FACES, device="cpu").argmax(1)]
    proof = make_bundle(tmp_path, model, Faces(labels_as_predicted), strict, channels=1, origin={})["parity"]
    assert not proof["int8"]["kept"]
    assert not (tmp_path / "model.int8.onnx").exists()
    agreement, loss = proof["int8"]["agreement"], proof["int8"]["macro_f1_loss"]
    assert int8_warning(proof, strict) == (
        f"warning: int8 is left out: it agrees with torch on {agreement:.2%} of 4 validation faces "
        f"(export.min_int8_agreement=0.98) and loses {loss:.4f} of macro-F1 (export.max_int8_f1_loss=0.005)"
    )
    assert agreement == 0


@pytest.mark.slow
@pytest.mark.usefixtures("exported_before")
def test_a_graph_that_differs_from_torch_is_refused(model, tmp_path):
    another = copy.deepcopy(model.classifier)
    another.temperature = 0.03  # same classes, lower confidence
    with pytest.raises(
        GateError,
        match=r"^the ONNX graph does not compute what torch does: it agrees on 100.00% of 4 validation faces "
        r"\(export.min_agreement=1\), and probabilities differ by up to 0\.\d+ "
        r"\(export.max_probability_difference=0.0001\); nothing is exported$",
    ) as error:
        make_bundle(tmp_path, replace(model, classifier=another), FACES, LIMITS, channels=1, origin={})
    report = json.loads(error.value.evidence["report.json"])
    differences = [face["max_probability_difference"] for face in report["worst_faces"]]
    assert differences == sorted(differences, reverse=True)
    assert differences[0] == report["parity"]["onnx"]["max_probability_difference"] > 1e-4
    assert {face["source"] for face in report["worst_faces"]} == {f"row {row}" for row in range(8, 12)}
    page = error.value.evidence["index.html"].decode()
    assert page.count('<img src="data:image/png;base64,') == 4
    assert str(error.value) in page
    assert "http" not in page


@pytest.mark.slow
@pytest.mark.usefixtures("exported_before")
def test_a_graph_that_differs_only_for_other_sizes_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr("emopipe.export.bundle.shapes_difference", lambda graph, predict: 0.25)
    with pytest.raises(
        GateError,
        match=r"^the ONNX graph does not compute what torch does for images of other sizes and channels: "
        r"probabilities differ by up to 0.25 \(export.max_probability_difference=0.0001\); nothing is exported$",
    ) as error:
        make_bundle(tmp_path, model, FACES, LIMITS, channels=1, origin={})
    assert '<td class="number critical">\n0.25' in error.value.evidence["index.html"].decode()


def test_a_graph_that_computes_no_number_differs_by_one():
    validation = FACES.split("val")
    exact = np.full((4, 3), 1 / 3, np.float32)
    expected, broken = predictions_of(validation, exact, CLASSES), np.full((4, 3), np.nan, np.float32)
    assert compare(expected, broken).max_probability_difference == 1
    (first, *_) = worst_faces(validation, expected, [exact, broken])
    assert (first["source"], first["max_probability_difference"]) == ("row 8", 1)


@pytest.mark.slow
def test_other_sizes_and_channels_are_compared_with_torch():
    graph = ExportGraph(trained().classifier, channels=1)

    def predict(images):
        exact = graph(torch.from_numpy(images)).detach().numpy()
        return exact + 0.125 * (images.shape[1:] == (301, 200, 4))

    assert shapes_difference(graph, predict) == pytest.approx(0.125)


ULTRALYTICS = """
import json, sys
from ultralytics import YOLO
model = YOLO(sys.argv[1])
results = model.predict(sys.argv[2:], verbose=False)
print("RESULT", json.dumps([list(model.names.values()), model.task, [r.probs.data.tolist() for r in results]]))
"""


@torch.no_grad()
def spread_logits(classifier, images):
    """Rescale the last layer so that the logits of `images` have mean 0 and standard deviation 2."""
    head = classifier.network.network.model[-1].linear
    logits = classifier.eval()(images)
    head.bias -= logits.mean(0)
    factor = 2 / logits.std(0)
    head.weight *= factor[:, None]
    head.bias *= factor


@pytest.fixture(scope="module")
def yolo(tmp_path_factory):
    """The bundle's folder, the model, and eight grey faces as arrays and as files."""
    if importlib.util.find_spec("ultralytics") is None:  # an import would patch Pillow for other tests
        pytest.skip("ultralytics is not installed")
    folder = tmp_path_factory.mktemp("yolo")
    model = trained("yolov8n-cls", views="flip", temperature=2.0)
    faces = [decode_png(png) // 4 + 25 * k for k, png in enumerate(FACES.frame["png"][:8])]
    spread_logits(model.classifier, torch.from_numpy(np.stack(faces)))
    assert make_bundle(folder, model, FACES, LIMITS, channels=1, origin={})["yolo"]
    paths = [folder / f"face{k}.png" for k in range(len(faces))]
    for path, face in zip(paths, faces, strict=True):
        path.write_bytes(encode_png(face))
    return folder, model, np.stack(faces), paths


@pytest.mark.slow
@pytest.mark.parametrize("safe", ["0", "1"])
def test_ultralytics_loads_the_checkpoint_and_predicts_the_same_for_one_view(yolo, safe, tmp_path):
    folder, model, faces, paths = yolo
    environment = os.environ | ENVIRONMENT | {"ULTRALYTICS_SAFE_LOAD": safe, "YOLO_CONFIG_DIR": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", ULTRALYTICS, folder / "model.pt", *paths]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    result = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    names, task, probabilities = json.loads(result.removeprefix("RESULT"))
    assert (tuple(names), task) == (CLASSES, "classify")
    classifier = copy.deepcopy(model.classifier)
    classifier.views = "none"
    expected = classifier.predict(torch.from_numpy(faces)).numpy()
    assert expected.std(0).max() > 0.05, "predictions depend on the face"
    assert np.array(probabilities) == pytest.approx(expected, abs=0.02)  # ultralytics rounds to whole grey levels
    assert (np.argmax(probabilities, 1) == expected.argmax(1)).all()


@pytest.mark.slow
def test_yolo_classify_predict_accepts_the_checkpoint(yolo, tmp_path):
    folder, _, _, paths = yolo
    command = [Path(sys.executable).parent / "yolo", "classify", "predict", f"model={folder / 'model.pt'}"]
    environment = os.environ | ENVIRONMENT | {"YOLO_CONFIG_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    environment.pop("YOLO_VERBOSE")
    done = subprocess.run(
        [*command, f"source={paths[0]}", "save=False", f"project={tmp_path}"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    output = done.stdout + done.stderr
    assert "64x64" in output
    assert any(name in output for name in CLASSES)


@pytest.mark.slow
def test_equal_models_give_equal_checkpoints(yolo, tmp_path):
    folder, model, _, _ = yolo
    save_yolo(model, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == (folder / "model.pt").read_bytes()
    assert str(folder).encode() not in (folder / "model.pt").read_bytes()


def test_other_networks_have_no_checkpoint_for_ultralytics(tmp_path):
    assert not save_yolo(trained(), tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_calibration_faces_are_spread_over_all_rows_and_sizes():
    sizes = [(20 + k % 3, 24) for k in range(1000)]
    batches = _calibration(faces_of(sizes, ["train"] * 1000))
    assert sum(len(batch) for batch in batches) == 512
    assert {batch.shape[1] for batch in batches} == {20, 21, 22}


def test_parity_counts_disagreements_and_the_loss_of_macro_f1():
    validation = FACES.split("val")
    exact = np.eye(3)[[CLASSES.index(label) for label in validation.frame["label"]]]
    other = exact.copy()
    other[0] = np.roll(exact[0], 1)
    parity = compare(predictions_of(validation, exact, CLASSES), other)
    assert (parity.agreement, parity.max_probability_difference) == (0.75, 1.0)
    assert parity.f1_loss == {"happy": pytest.approx(1 / 3), "sad": 0.0, "angry": pytest.approx(1 / 3)}
    assert parity.macro_f1_loss == pytest.approx(2 / 9)


def test_a_folder_that_is_no_bundle_is_one_line(tmp_path):
    with pytest.raises(ModelError, match=r"^[^\n]*is not an exported model [^\n]*: run `dvc repro export`, or [^\n]*$"):
        Bundle(tmp_path)
