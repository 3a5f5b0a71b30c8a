"""Grad-CAM finds the evidence, and slices the faces that a model is bad at."""

import numpy as np
import pytest
import torch
from torch import nn

from emopipe.core.errors import ModelError
from emopipe.evaluate.attention import grad_cam
from emopipe.evaluate.report import draw_attention
from emopipe.evaluate.slices import slice_metrics
from emopipe.faces.png import encode_png
from emopipe.faces.predictions import predictions_of
from emopipe.training.classifier import Classifier
from emopipe.training.networks import architecture
from face_tables import faces_of

SIDE = 32


class Contrast(nn.Module):
    """Two logits: the mean of what is bright, and of what is dark; the last convolution has 2 cells a side."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(1, 2, 1, bias=False)
        self.coarse = nn.Conv2d(2, 2, 16, stride=16, groups=2, bias=False)
        with torch.no_grad():
            self.fine.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
            self.coarse.weight.fill_(1 / 256)

    def forward(self, inputs):
        return self.coarse(self.fine(inputs).relu()).mean((2, 3))


def contrast():
    spec = architecture("cnn", num_classes=2, size=SIDE, channels=1, max_stride=32)
    return Classifier(spec, mean=0.5, std=0.25, network=Contrast())


def picture(row, column, value):
    """Grey, with a square of 8 pixels."""
    pixels = np.full((SIDE, SIDE, 1), 128, np.uint8)
    pixels[row : row + 8, column : column + 8] = value
    return pixels


@pytest.mark.parametrize(("value", "target"), [(255, 0), (0, 1)])
@pytest.mark.parametrize("place", [(0, 0), (4, 20)])
def test_the_map_is_high_where_the_evidence_is(value, target, place):
    row, column = place
    heat = grad_cam(contrast(), picture(row, column, value)[None], np.array([target]))[0]
    assert (heat.shape, heat.max()) == ((SIDE, SIDE), 1)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[row : row + 8, column : column + 8] = True
    assert heat[inside].min() > 0.9
    assert heat[~inside].max() < 0.1


def test_without_evidence_the_map_is_0():
    assert not grad_cam(contrast(), picture(0, 0, 255)[None], np.array([1])).max() > 0.1 / 8


def test_the_sheet_has_one_mistake_of_each_pair_of_classes(monkeypatch):
    drawn = []
    monkeypatch.setattr("emopipe.evaluate.report.attention_figure", lambda *args: drawn.append(args))
    monkeypatch.setattr("emopipe.evaluate.report.png_bytes", lambda figure: b"")
    faces = faces_of("val happy A", "test happy B", "test happy C", "test sad D", "test sad E", height=40)
    probabilities = np.array([[0.1, 0.9], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3], [0.3, 0.7]])
    draw_attention("cnn", contrast(), predictions_of(faces, probabilities, ("happy", "sad")), faces, 9)
    ((mistakes, captions, title),) = drawn
    assert captions == [("truth: happy", "for sad, 80%", "for happy"), ("truth: sad", "for happy, 70%", "for sad")]
    assert [[part.shape for part in mistake] for mistake in mistakes] == [[(40, 16, 1), (SIDE, SIDE), (SIDE, SIDE)]] * 2
    assert title.startswith("cnn, test: ")


def test_a_model_without_mistakes_has_an_empty_sheet():
    faces = faces_of("test happy A")
    predictions = predictions_of(faces, np.array([[0.9, 0.1]]), ("happy", "sad"))
    name, png = draw_attention("cnn", contrast(), predictions, faces, 9)
    assert (name, png[1:4]) == ("test_attention.png", b"PNG")


def test_slices_are_thirds_of_the_faces_with_their_accuracy():
    faces = faces_of(*(f"test happy face{number}" for number in range(9)), height=SIDE, width=SIDE)
    noise = np.random.default_rng(0).integers(0, 8, (SIDE, SIDE, 1), dtype=np.uint8)
    faces.frame["png"] = [encode_png(noise + np.uint8(20 * number)) for number in range(9)]
    wrong_in_the_dark = np.array([[0.2, 0.8]] * 3 + [[0.8, 0.2]] * 6)
    rows = slice_metrics(predictions_of(faces, wrong_in_the_dark, ("happy", "sad")), faces)
    by_brightness = [row for row in rows if row["measure"] == "brightness"]
    assert [(row["num_faces"], row["accuracy"]) for row in by_brightness] == [(3, 0), (3, 1), (3, 1)]
    assert all(row["low"] <= row["high"] for row in rows)
    assert by_brightness[0]["high"] < by_brightness[1]["low"]
    assert by_brightness[1]["accuracy_ci"] == pytest.approx([0.4385, 1], abs=1e-3)  # Wilson, 3 of 3
    assert {row["measure"] for row in rows} == {"brightness"}, "contrast, sharpness and size are those of all faces"


@pytest.mark.parametrize(
    ("sizes", "slices"),
    [
        ([48] * 6 + [96] * 4, [(48, 48, 6), (96, 96, 4)]),
        ([48] * 7 + [50, 60, 70], [(48, 48, 7), (50, 70, 3)]),
        ([48] * 4 + [64] * 3 + [96] * 3, [(48, 48, 4), (64, 96, 6)]),
        (list(range(48, 57)), [(48, 50, 3), (51, 53, 3), (54, 56, 3)]),
        ([48] * 9, []),
    ],
)
def test_faces_of_one_value_are_in_one_slice(sizes, slices):
    faces = faces_of(*(f"test happy face{number}" for number in range(len(sizes))))
    faces.frame["width"] = faces.frame["height"] = sizes
    probabilities = np.full((len(sizes), 2), 0.5)
    rows = slice_metrics(predictions_of(faces, probabilities, ("happy", "sad")), faces)
    assert [(row["low"], row["high"], row["num_faces"]) for row in rows if row["measure"] == "size"] == slices


def test_a_network_without_a_convolution_has_no_map():
    spec = architecture("cnn", num_classes=2, size=SIDE, channels=1, max_stride=32)
    dense = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2))
    classifier = Classifier(spec, mean=0.5, std=0.25, network=dense)
    with pytest.raises(ModelError, match="needs a convolution"):
        grad_cam(classifier, picture(0, 0, 255)[None], np.array([0]))
