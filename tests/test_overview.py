"""The report page is complete, and shows names as text."""

import re

import numpy as np
import pytest
import torch

from emopipe.overview.data_page import NUM_DRAWS, augmented, data_page
from emopipe.overview.page import FIGURES, overview_page
from emopipe.training.config import AugmentConfig
from face_tables import faces_of

HOSTILE = "<img src=x onerror=alert(1)>"
METRICS = {
    "num_faces": 4,
    **dict.fromkeys(("accuracy", "macro_f1", "balanced_accuracy", "ece", "nll"), 0.75),
    **{f"{name}_ci": [0.5, 0.9] for name in ("accuracy", "macro_f1", "balanced_accuracy")},
    "majority_class": {"class": HOSTILE, "accuracy": 0.5, "macro_f1": 0.3},
    "better_than_chance": True,
    "confusion": [[2, 0], [1, 1]],
    "per_class": {HOSTILE: {"precision": 0.6, "recall": 1.0, "f1": 0.8, "support": 2}},
    "slices": [
        {"measure": "size", "low": 1.0, "high": 2.0, "num_faces": 4, "accuracy": 0.75, "accuracy_ci": [0.3, 0.95]}
    ],
}
PARITY = {"num_faces": 4, "agreement": 1.0, "max_probability_difference": 1e-7, "macro_f1_loss": 0.0}
COUNTS = {HOSTILE: 2, "sad": 2}


def report_of(model, **changes):
    classes = [HOSTILE, "sad"]
    about = {"num_parameters": 10, "num_macs": 100}
    return {"model": model, "classes": classes, **about, "val": METRICS | changes, "test": METRICS}


def page(*reports, drawn=False, success=True, kept=True, figures=()):
    expectation = {"text": "each class has faces", "num_unexpected": 1, "num_rows": 7, "success": success}
    return overview_page(
        reports,
        ingest={
            "source": {"form": "CSV", "files": ["a.csv"], "drawn": drawn},
            **{"rows_in": 9, "rows_out": 8, "rejected": {"unknown_label": 1}},
        },
        validate={
            **{"rows_in": 8, "rows_out": 8, "dropped": {"split_leak": 0}},
            **{"by_split": dict.fromkeys(("train", "val", "test"), COUNTS), "expectations": [expectation]},
        },
        balance={"num_repeated": 0, "num_synthetic": 0, "strategy": "none", "after": COUNTS},
        export={"model": "cnn", "select_by": "macro_f1", "parity": {"onnx": PARITY, "int8": PARITY | {"kept": kept}}},
        figures={report["model"]: figures for report in reports},
    )


def rows(html):
    """The first cell of each row, as text."""
    return [re.sub(r"<[^>]+>", " ", row).split("\n")[0].split()[0] for row in re.findall(r"<tr><td>(.+)", html)]


def test_models_come_best_on_validation_first_and_the_exported_one_is_open():
    both = report_of("both", macro_f1=0.8) | {"members": ["cnn", "resnet18"]}
    html = page(report_of("resnet18", macro_f1=0.1), report_of("cnn"), both)
    assert rows(html)[:3] == ["both", "cnn", "resnet18"]
    assert re.findall(r'<details id="(\w+)"( open)?>', html) == [("cnn", " open"), ("both", ""), ("resnet18", "")]
    assert "Mean of cnn, resnet18." in html


def test_all_figures_have_a_place_in_a_fixed_order():
    shown = re.findall(r'<img loading="lazy"\nsrc="([^"]+)"', page(report_of("cnn"), figures=sorted(FIGURES)))
    assert shown == [f"figures/cnn/{stem}.png" for stem in FIGURES]


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({}, None),
        ({"drawn": True}, "The faces of this data set are drawn"),
        ({"success": False}, "each class has faces: broken by 1 of 7 rows."),
        ({"kept": False}, "The int8 model is left out"),
    ],
)
def test_what_a_reader_must_know_stands_above_the_figures(changes, notice):
    html = page(report_of("cnn"), **changes)
    assert html.count('<span class="tag warning">') == (notice is not None)
    assert notice is None or html.index(notice) < html.index('class="tiles"')


def test_a_model_that_is_not_better_than_chance_is_marked():
    html = page(report_of("cnn"), report_of("resnet18", better_than_chance=False))
    assert "resnet18 is not better than chance on validation." in html
    assert html.count("not better than chance</span>") == 1


def test_names_are_shown_as_text():
    assert HOSTILE not in page(report_of("cnn"))


def test_mistakes_are_counted_by_pair_of_classes():
    html = page(report_of("cnn"))
    assert re.search(r"<tr><td>sad<td>&lt;img.+<td class=\"number\">1<td class=\"number\">0.500", html)


# The page of the data

AUGMENT = AugmentConfig(
    flip=True, rotation=10, scale=0.1, shift=0.1, brightness=0.1, contrast=0.1, random_erasing=0.5, mixup=0, cutmix=0
)
OFF = AugmentConfig(
    flip=False, rotation=0, scale=0, shift=0, brightness=0, contrast=0, random_erasing=0, mixup=0, cutmix=0
)


def cells(html):
    """The text of each row of a table."""
    found = re.findall(r"<tr>(<td>.*?)(?=<tr>|</table>)", html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


def test_the_page_of_the_data_counts_faces_and_shows_those_of_each_class():
    rows = [f"{split} {label} {split}{label}" for split in ("train", "val", "test") for label in ("happy", "sad")]
    faces = faces_of(*rows, "train happy another")
    html = data_page(faces, ("happy", "sad", HOSTILE), AUGMENT, size=16, seed=0)
    assert cells(html)[:3] == ["train 2 1 0 3", "val 1 1 0 2", "test 1 1 0 2"]
    assert html.count("<img ") == 3 * (1 + NUM_DRAWS) + len(faces)
    assert "flip True, rotation 10, scale 0.1" in html
    assert HOSTILE not in html
    assert "All of <code>train.augment</code> is off." in data_page(faces, ("happy", "sad"), OFF, size=16, seed=0)


def test_augmentation_is_that_of_a_training_and_off_it_changes_nothing():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8))
    assert np.array_equal(augmented(images, OFF, seed=0), images.numpy())
    drawn = [augmented(images, AUGMENT, seed=seed) for seed in (0, 0, 1)]
    assert (drawn[0].shape, drawn[0].dtype) == (images.shape, np.uint8)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
