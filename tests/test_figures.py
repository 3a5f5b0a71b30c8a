"""The pictures of a report are legible and complete for any classes, and the same each time."""

import io
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from emopipe.evaluate import figures
from emopipe.evaluate.figures import (
    confusion_figure,
    curves_figure,
    mistakes_figure,
    png_bytes,
    reliability_figure,
    training_figure,
)
from emopipe.evaluate.metrics import confusion_of
from emopipe.evaluate.params import EvaluateParams
from emopipe.evaluate.report import build_report, draw_figures, draw_training, plot_tables
from emopipe.faces.predictions import predictions_of
from face_tables import faces_of

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MANY = tuple(f"expression_{k:02d}" for k in range(20))
TITLE = "efficientnet_b0, test: 3,589 faces\naccuracy 68.1% (66.2% to 69.9%), macro-F1 0.650 (0.630 to 0.671)"
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "train_loss": [2.0, 1.5, 1.2], "val_loss": [1.9, 1.6, 1.7], "val_accuracy": [0.2, 0.5, 0.4]}
)


def scored(num_classes, *, num_faces=200, certainty=2.0, only=None):
    """Probabilities (N, K) and true classes (N,) of a made-up model; `only` lists the classes that have faces."""
    rng = np.random.default_rng(0)
    labels = rng.choice(num_classes if only is None else only, num_faces)
    logits = rng.normal(size=(num_faces, num_classes)) + certainty * np.eye(num_classes)[labels]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), labels


CASES = {
    "two classes": (("no", "yes"), *scored(2)),
    "seven classes": (EMOTIONS, *scored(7)),
    "twenty classes": (MANY, *scored(20, num_faces=9000)),
    "no mistakes": (EMOTIONS, *scored(7, certainty=50)),
    "classes without faces": (EMOTIONS, *scored(7, only=[0, 2, 6])),
    "faces of one class": (EMOTIONS, *scored(7, only=[3])),
}


def figures_of(classes, probabilities, labels):
    yield confusion_figure(confusion_of(probabilities, labels), classes, TITLE)
    yield curves_figure(probabilities, labels, classes, TITLE)
    yield reliability_figure(probabilities, labels, TITLE)


def sheet(num, side=16, channels=1, name="surprise"):
    pictures = [np.full((side, side, channels), 100, np.uint8)] * num
    return mistakes_figure(pictures, [(name, name, 0.987)] * num, f"{TITLE}\ntruth → prediction, with its probability")


def pixels(figure):
    return np.array(Image.open(io.BytesIO(png_bytes(figure))).convert("RGB")).reshape(-1, 3)


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


def boxes(figure):
    """Text and place of what is written, upright or lying: boxes around slanted words overlap, the words do not."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    unseen = set(labels_out_of_view(figure))
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible() and text.get_rotation() in (0, 90) and text not in unseen:
            yield text.get_text(), text.get_window_extent(canvas.get_renderer())


def labels_out_of_view(figure):
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            yield from (tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high)


def assert_legible(figure):
    places = list(boxes(figure))
    width, height = figure.bbox.size
    for text, box in places:
        assert box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1, f"{text!r} is cut"
    for (one, first), (other, second) in combinations(places, 2):
        overlap = (
            min(first.x1, second.x1) - max(first.x0, second.x0),
            min(first.y1, second.y1) - max(first.y0, second.y0),
        )
        assert min(overlap) < 1, f"{one!r} lies over {other!r}"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_lies_over_another(case):
    for figure in figures_of(*CASES[case]):
        assert_legible(figure)


@pytest.mark.slow
@pytest.mark.parametrize("num", [0, 1, 3, 8, 24])
def test_captions_of_mistakes_do_not_touch(num):
    assert_legible(sheet(num, name="a_class_with_a_long_name"))


@pytest.mark.parametrize("num", [1, 3])
def test_the_epochs_of_a_training_are_legible(num):
    assert_legible(training_figure(HISTORY[:num], 1, TITLE))


@pytest.mark.slow
def test_the_same_figures_give_the_same_bytes_whatever_matplotlibrc_says():
    def drawn():
        pictures = [*figures_of(*CASES["seven classes"]), sheet(3), training_figure(HISTORY, 2, TITLE)]
        return [png_bytes(picture) for picture in pictures]

    with mpl.rc_context({"font.size": 20, "axes.facecolor": "black", "figure.dpi": 50}):
        elsewhere = drawn()
    assert drawn() == elsewhere


def test_the_confusion_matrix_shows_counts_shares_and_faces_and_leaves_zeros_out():
    figure = confusion_figure(np.array([[3, 1], [0, 1000]]), ("no", "yes"), "m")
    cells = {tuple(text.get_position()): text.get_text() for text in figure.axes[0].texts}
    assert cells == {(0, 0): "3\n75%", (1, 0): "1\n25%", (1, 1): "1,000\n100%"}  # (predicted, truth)
    assert "no (4)" in words(figure)
    assert "yes (1,000)" in words(figure)


def test_curves_name_the_classes_that_have_faces_with_their_areas():
    _, probabilities, labels = CASES["classes without faces"]
    (legend,) = curves_figure(probabilities, labels, EMOTIONS, "m").legends
    names = [text.get_text().split(":")[0] for text in legend.get_texts()]
    assert names == ["angry", "fear", "neutral"]
    perfect = curves_figure(np.eye(2)[[0, 1]], np.array([0, 1]), ("no", "yes"), "m").legends[0]
    assert [text.get_text() for text in perfect.get_texts()] == ["no: 1.00, 1.00", "yes: 1.00, 1.00"]


@pytest.mark.slow
def test_twenty_classes_have_twenty_different_lines():
    classes, probabilities, labels = CASES["twenty classes"]
    lines = curves_figure(probabilities, labels, classes, "m").axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20


def test_colours_stay_apart_for_colour_blind_eyes():
    # Linear RGB as seen without one kind of cone: protanopia, deuteranopia, tritanopia (Machado et al. 2009).
    seen = [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
    srgb = np.array([mpl.colors.to_rgb(colour) for colour in figures.COLOURS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    for matrix in seen:
        labs = cielab(np.clip(linear @ np.array(matrix).T, 0, 1))
        assert min(np.linalg.norm(a - b) for a, b in combinations(labs, 2)) > 22


def cielab(linear):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = ((linear @ to_xyz.T) / [0.9505, 1.0, 1.089]).T
    fx, fy, fz = (np.where(v > 0.008856, np.cbrt(v), 7.787 * v + 16 / 116) for v in (x, y, z))
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_mistakes_show_pictures_as_they_are(channels):
    colour = np.array([200, 40, 90][:channels], np.uint8)
    figure = mistakes_figure([np.broadcast_to(colour, (20, 12, channels))], [("happy", "sad", 0.5)], "m")
    assert (pixels(figure) == colour).all(1).sum() > 5000
    assert "happy\n→ sad 50%" in words(figure)


def report_and_predictions(*says):
    """Of faces whose true class is happy, in val and test; `says` is what the model says of each."""
    rows = [f"{split} happy {split}{number}" for split in ("val", "test") for number in range(len(says))]
    faces = faces_of(*rows)
    probabilities = 0.4 + 0.2 * np.array([[word == "happy", word == "sad"] for word in says * 2])
    predictions = predictions_of(faces, probabilities, ("happy", "sad"))
    params = EvaluateParams(bootstrap_resamples=100, num_mistakes=2)
    return build_report("cnn", predictions, faces, params, seed=0, about={"temperature": 2.0}), predictions, faces


@pytest.mark.parametrize(
    ("says", "title"),
    [
        (("happy", "happy"), "cnn, test: no mistakes in 2 faces"),
        (("happy", "sad"), "cnn, test: every mistake in 2 faces\ntruth → prediction, with its probability"),
        (
            ("sad", "sad", "sad"),
            "cnn, test: the 2 most confident of 3 mistakes in 3 faces\ntruth → prediction, with its probability",
        ),
    ],
)
def test_the_sheet_says_how_many_mistakes_it_shows(monkeypatch, says, title):
    monkeypatch.setattr("emopipe.evaluate.report.png_bytes", lambda figure: figure)
    figures = dict(draw_figures(*report_and_predictions(*says), num_mistakes=2))
    assert figures["test_mistakes.png"].get_suptitle() == title


@pytest.mark.slow
def test_a_report_has_a_picture_of_everything():
    names = [name for name, _ in draw_figures(*report_and_predictions("happy", "sad"), num_mistakes=2)]
    kinds = ("confusion", "curves", "reliability")
    expected = [*(f"{split}_{kind}.png" for split in ("val", "test") for kind in kinds), "test_mistakes.png"]
    assert names == expected
    assert draw_training("cnn", HISTORY, 2)[0] == "training.png"


def test_the_tables_for_plots_hold_pairs_curves_and_losses():
    faces = faces_of("val happy A", "test happy B", "test sad C", "test happy D")
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    tables = plot_tables(predictions_of(faces, probabilities, ("happy", "sad")), HISTORY[:1])
    assert tables["confusion"].to_csv(index=False).split() == [
        "actual,predicted",
        "happy,happy",
        "sad,sad",
        "happy,sad",
    ]
    assert tables["training"].to_csv(index=False).split() == ["epoch,curve,loss", "1,train,2.0", "1,val,1.9"]
    assert tables["roc"].columns.tolist() == ["curve", "false_positive_rate", "true_positive_rate"]
    assert tables["precision_recall"].columns.tolist() == ["curve", "recall", "precision"]
    assert set(tables["roc"]["curve"]) == {"happy", "sad"}
    happy = tables["precision_recall"].query("curve == 'happy'")
    assert happy[["recall", "precision"]].to_numpy().tolist() == [[1, 0.66667], [1, 1], [0.5, 1], [0, 1]]


def test_a_test_split_of_one_class_has_no_curves():
    _, predictions, _ = report_and_predictions("happy", "sad")
    tables = plot_tables(predictions, HISTORY)
    assert tables["roc"].empty
    assert len(tables["confusion"]) == 2
