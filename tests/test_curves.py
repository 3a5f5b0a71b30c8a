"""The curves of all models lie in one plot of DVC, which needs no list of models in dvc.yaml."""

import numpy as np
import pandas as pd
import pytest
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from emopipe.core.files import write_csv
from emopipe.evaluate.curves import NUM_POINTS, class_curves, model_curves
from emopipe.faces.predictions import Predictions
from projects import commit, make_project

CLASSES = ("happy", "sad", "neutral")
AXES = {
    "ROC": ("false_positive_rate", "true_positive_rate"),
    "precision-recall": ("recall", "precision"),
}
"""Plots at the top level of dvc.yaml, and the columns that they draw."""
MODELS = {"weak": 0.5, "strong": 3.0}


def predictions(certainty, *, num_faces=2000, split="test"):
    """Of a made-up model: scores are noise, to which the true class adds `certainty`."""
    rng = np.random.default_rng(0)
    labels = rng.choice(len(CLASSES), num_faces, p=[0.7, 0.25, 0.05])
    scores = np.exp(rng.normal(size=(num_faces, len(CLASSES))) + certainty * np.eye(len(CLASSES))[labels])
    frame = pd.DataFrame(scores / scores.sum(1, keepdims=True), columns=list(CLASSES))
    keys = pd.DataFrame({"id": frame.index.map(str), "split": split, "label": np.array(CLASSES)[labels]})
    return Predictions(pd.concat([keys, frame], axis=1), CLASSES)


@pytest.fixture(scope="module")
def tables():
    return model_curves({name: predictions(certainty) for name, certainty in MODELS.items()})


def test_a_model_is_one_curve_over_all_pairs_of_a_face_and_a_class():
    frame = pd.DataFrame(
        [["a", "test", "happy", 0.9, 0.1], ["b", "test", "sad", 0.6, 0.4], ["c", "val", "sad", 0.3, 0.7]],
        columns=["id", "split", "label", "happy", "sad"],
    )
    tables = model_curves({"cnn": Predictions(frame, ("happy", "sad"))})
    assert tables["roc"].to_csv(index=False).split() == [  # of 0.9 true, 0.6 false, 0.4 true, 0.1 false
        "curve,false_positive_rate,true_positive_rate",
        *("cnn,0.0,0.0", "cnn,0.0,0.5", "cnn,0.5,0.5", "cnn,0.5,1.0", "cnn,1.0,1.0"),
    ]
    assert tables["precision_recall"].to_csv(index=False).split() == [
        "curve,recall,precision",
        *("cnn,1.0,0.5", "cnn,1.0,0.66667", "cnn,0.5,0.5", "cnn,0.5,1.0", "cnn,0.0,1.0"),
    ]


@pytest.mark.parametrize("name", MODELS)
def test_at_most_100_points_keep_the_ends_and_the_area(tables, name):
    part = predictions(MODELS[name])
    truth, scores = np.eye(len(CLASSES))[part.labels].ravel(), part.probabilities.ravel()
    precision_recall, roc = (table[table["curve"] == name].iloc[:, 1:] for table in tables.values())
    assert max(len(roc), len(precision_recall)) <= NUM_POINTS
    assert roc.iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert precision_recall.iloc[[0, -1]].to_numpy().tolist() == [[1, round(1 / 3, 5)], [0, 1]]
    assert auc(*roc.to_numpy().T) == pytest.approx(roc_auc_score(truth, scores), abs=5e-4)
    assert auc(*precision_recall.to_numpy().T) == pytest.approx(average_precision_score(truth, scores), abs=5e-4)


def test_the_models_stand_in_their_order_and_the_same_predictions_give_the_same_bytes(tables):
    again = model_curves({name: predictions(certainty) for name, certainty in MODELS.items()})
    for kind, table in tables.items():
        assert list(table["curve"].unique()) == list(MODELS)
        assert table.to_csv(index=False) == again[kind].to_csv(index=False)


def test_a_class_is_a_curve_against_the_rest():
    table = class_curves(predictions(3.0))["roc"]
    assert list(table["curve"].unique()) == list(CLASSES)
    assert table.groupby("curve").size().max() <= NUM_POINTS
    assert class_curves(predictions(3.0, split="val"))["roc"].empty


def test_dvc_draws_a_line_per_model_side_by_side_for_two_revisions(tmp_path, tables):
    root = make_project(tmp_path / "project")
    folder = root / "reports" / "curves"
    write_tables(folder, tables)
    commit(root, "two models")
    write_tables(folder, {kind: table[table["curve"] == "strong"] for kind, table in tables.items()})
    with Repo(str(root)) as repo:
        matched = match_defs_renderers(
            repo.plots.diff(revs=["HEAD"], targets=list(AXES)), templates_dir=repo.plots.templates_dir
        )
    assert [each.renderer.name for each in matched] == list(AXES)
    for each in matched:
        assert not each.source_errors and not each.definition_errors
        spec, axes = each.renderer.get_filled_template(), AXES[each.renderer.name]
        points = spec["data"]["values"]
        assert {(point["rev"], point["curve"]) for point in points} == {
            *(("workspace", "strong"), ("HEAD", "weak"), ("HEAD", "strong"))
        }
        encoding = spec["spec"]["encoding"]
        assert [encoding[name]["field"] for name in ("x", "y", "color")] == [*axes, "curve"]
        assert spec["facet"]["field"] == "rev"
        assert all(0 <= float(point[name]) <= 1 for point in points for name in axes)


def write_tables(folder, tables):
    for kind, table in tables.items():
        write_csv(folder / f"{kind}.csv", table)
