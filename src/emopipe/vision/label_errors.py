"""Label errors by confident learning on out-of-fold predictions.

Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", implemented by cleanlab.
The model is a fast one: an RBF kernel on HOG features (Nyström approximation) and linear discriminant analysis.
Shapes: N faces, F features, K classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from tqdm import tqdm

_GAMMA, _MAX_LANDMARKS, _FACES_PER_LANDMARK = 0.1, 1000, 4
_MAX_TRAIN_FACES = 50_000  # a model of this size does not improve beyond
_BATCH = 1024


def find_label_errors(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    classes: Sequence[str],
    folds: int,
    max_quality: float,
    seed: int,
) -> pd.DataFrame:
    """Score each label with an out-of-fold model; groups never cross folds.

    features: (N, F). labels: int64 (N,), every class at least `folds` times. groups: (N,), the same for faces that
    must share a fold. Returns a row per face: `quality` of the label, 0 to 1 (normalized margin); `suspect`, whether
    the label is probably wrong and its quality below `max_quality`; `suggested`, the predicted class. Deterministic on
    one machine type.
    """
    probabilities = np.zeros((len(labels), len(classes)))
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    for train, held_out in tqdm(splits, total=folds, desc="label quality", unit=" folds", disable=None):
        model = _fit(features, labels, train, seed)
        for batch in np.array_split(held_out, -(-len(held_out) // _BATCH)):
            probabilities[batch] = model.predict_proba(features[batch].astype(np.float32))
    quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    suspect = find_label_issues(labels, probabilities, n_jobs=1) & (quality < max_quality)
    suggested = np.array(classes)[probabilities.argmax(axis=1)]
    return pd.DataFrame({"quality": quality, "suspect": suspect, "suggested": suggested})


def _fit(features: np.ndarray, labels: np.ndarray, rows: np.ndarray, seed: int) -> Pipeline:
    sampled = np.random.default_rng(seed).permutation(rows)[:_MAX_TRAIN_FACES]
    landmarks = min(_MAX_LANDMARKS, len(sampled) // _FACES_PER_LANDMARK)
    model = make_pipeline(
        Nystroem(gamma=_GAMMA, n_components=landmarks, random_state=seed),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    )
    return model.fit(features[sampled].astype(np.float32), labels[sampled])
