import copy

import pytest

from emopipe.export.card import model_card

CLASSES = ["happy", "sad"]


def split(f1, support):
    """Metrics of a split, with precision and recall near its F1."""
    per_class = {name: {"precision": f1 - 0.1, "recall": f1 + 0.1, "f1": f1, "support": support} for name in CLASSES}
    plain = {"accuracy": f1, "balanced_accuracy": f1, "macro_f1": f1, "ece": 0.02, "classwise_ece": 0.03, "nll": 0.5}
    before = {"ece": 0.12, "classwise_ece": 0.13, "nll": 0.6}
    intervals = {"accuracy_ci": [f1 - 0.05, f1 + 0.05]}
    chance = {"majority_class": {"class": "happy", "accuracy": 0.5}, "better_than_chance": f1 > 0.5}
    return plain | intervals | chance | {"num_faces": 2 * support, "per_class": per_class, "uncalibrated": before}


REPORT = {
    "model": "cnn",
    "classes": CLASSES,
    "num_parameters": 1234567,
    "num_macs": 50_600_000,
    "temperature": 0.75,
    "test_time_augmentation": "flip",
    "val": split(0.8, 10),
    "test": split(0.7, 20),
}
SAME = {"num_faces": 20, "agreement": 1.0, "max_probability_difference": 1e-6, "macro_f1_loss": 0.0}
FP32 = SAME | {"f1_loss": {"happy": 0.0, "sad": 0.0}}
INT8 = FP32 | {"agreement": 0.95, "macro_f1_loss": 0.012, "f1_loss": {"happy": -0.006, "sad": 0.03}, "kept": True}
EXPORT = {
    "candidates": {"cnn": 0.8, "resnet18": 0.7},
    "select_by": "macro_f1",
    "yolo": False,
    "parity": {
        "onnx": FP32,
        "onnx_one_by_one": FP32,
        "onnx_other_shapes": {"num_shapes": 42, "max_probability_difference": 3e-6},
        "int8": INT8,
        "int8_one_by_one": INT8,
    },
}
INGEST = {"source": {"form": "FER2013 CSV"}, "rows_in": 1003, "rejected": {"wrong_pixel_count": 2, "unknown_label": 1}}
VALIDATE = {
    "rows_in": 1000,
    "rows_out": 990,
    "dropped": {"constant_image": 0, "split_leak": 7, "near_split_leak": 3},
    "by_split": {"train": {"happy": 900, "sad": 30}, "val": {"happy": 20, "sad": 10}, "test": {"happy": 20, "sad": 10}},
    "findings": [
        {"kind": "constant_image", "policy": "drop", "num_rows": 0},
        {"kind": "split_leak", "policy": "drop", "num_rows": 14},
        {"kind": "near_split_leak", "policy": "drop", "num_rows": 6},
    ],
}
BALANCE = {"strategy": "augment", "after": {"happy": 900, "sad": 450}, "share_synthetic": 0.311}


def card(export=EXPORT, validate=VALIDATE, channels=1):
    text = model_card(REPORT, export, ingest=INGEST, validate=validate, balance=BALANCE, channels=channels)
    return " ".join(text.split())


def changed(report, **values):
    """The report with other values; `a__b` is the key b in a."""
    other = copy.deepcopy(report)
    for name, value in values.items():
        *outer, last = name.split("__")
        inner = other
        for key in outer:
            inner = inner[key]
        inner[last] = value
    return other


@pytest.mark.parametrize(
    "text",
    [
        "Selected among cnn, resnet18 by macro_f1 on validation; test was not used for it.",
        "| accuracy | 0.800 (0.750 to 0.850) | 0.700 (0.650 to 0.750) |",
        "| sad | 0.800 | 0.600 | 0.800 | 0.700 | 20 |",
        "1,234,567 parameters, 50.6 million multiply-accumulates for one view of a face. Logits are averaged over",
        "7 rows with an image identical, pixel by pixel, to one of another split were dropped, from training first",
        "3 rows with an image nearly the same as one of another split were dropped",
        "Logits are divided by 0.75, fitted on validation",
        "| expected calibration error | 0.120 | 0.020 |",
        "FER2013 CSV: 1,003 rows read, 3 of them rejected",
        "Validation dropped 10 more (split_leak 7, near_split_leak 3)",
        "| train | 900 | 30 | 930 |",
        "| training set, as balanced | 900 | 450 | 1,350 |",
        "Balance: augment. 31.1% of the training set is synthetic.",
        "| fp32, one by one | 20 | 100.00% | 1e-06 | 0.00 | happy 0.00 |",
        "| int8 | 20 | 95.00% | 1e-06 | 1.20 | sad 3.00 |",
        "On noise of 42 other shapes (sizes from 1x1, counts, channels), probabilities differ by at most 3e-06.",
        "judgements of observers about an image, not what a person felt",
        "since 2 February 2025 it is prohibited to infer emotions of people at work and in education, except for "
        "medical or safety reasons (Article 5(1)(f))",
        "deployers must inform the people who are exposed to it (Article 50(3), since 2 August 2026)",
        "Face images are personal data",
        "Its input is grey: colour is converted.",
    ],
)
def test_the_card_contains(text):
    assert text in card()


def test_leaks_that_were_kept_are_reported():
    findings = [{"kind": "split_leak", "policy": "keep", "num_rows": 14}]
    assert (
        "14 rows with an image identical, pixel by pixel, to one of another split were **kept** "
        "(validate.policy.split_leak), so the metrics are too high."
    ) in card(validate=changed(VALIDATE, findings=findings))


def test_the_absence_of_leaks_is_reported():
    findings = [{"kind": "near_split_leak", "policy": "drop", "num_rows": 0}]
    assert "No image was nearly the same as one of another split." in card(
        validate=changed(VALIDATE, findings=findings)
    )


def test_an_int8_graph_that_was_left_out_is_reported_with_its_metrics():
    text = card(export=changed(EXPORT, parity__int8__kept=False))
    assert "int8 exceeds the limits, so `model.int8.onnx` is left out." in text
    assert "| int8 | 20 | 95.00% |" in text


def test_a_checkpoint_for_ultralytics_is_described():
    assert "model.pt" not in card()
    assert "`yolo classify predict` of ultralytics (AGPL-3.0)" in card(export=changed(EXPORT, yolo=True))


def test_the_card_of_a_colour_model_describes_the_input():
    assert "Its input is colour: grey is repeated" in card(channels=3)


def test_a_model_no_better_than_chance_is_marked():
    assert "Not better than chance" not in card()
    text = model_card(
        REPORT | {"val": split(0.4, 10)}, EXPORT, ingest=INGEST, validate=VALIDATE, balance=BALANCE, channels=1
    )
    assert "**Not better than chance**" in text
    assert "| accuracy of predicting the most frequent class | 0.500 | 0.500 |" in text
