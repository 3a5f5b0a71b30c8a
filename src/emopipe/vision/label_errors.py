"""Which labels are probably wrong: confident learning over what models say of faces that they were not trained on.

Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", as cleanlab has it. The
models are quick ones: a Gaussian kernel on gradient histograms (Nyström's approximation) and discriminant analysis.
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

COLUMNS = ("quality", "suspect", "suggested")
_GAMMA, _LANDMARKS, _FACES_A_LANDMARK = 0.1, 1000, 4
_LEARNED_FROM = 50_000  # faces at most: beyond, a model of this size learns no more
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
    """Judge each label by a model that saw neither the face nor another of its group.

    features: (N, F). labels: int64 (N,), every class at least `folds` times. groups: (N,), the same for faces that
    would give each other away. Returns a row for each face: `quality`, 0 to 1, how well the picture supports the label;
    `suspect`, whether the label is probably wrong, and its quality below `max_quality`; `suggested`, the class that the
    model gives. Deterministic on one machine type.
    """
    probabilities = np.zeros((len(labels), len(classes)))
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    for rest, fold in tqdm(deal, total=folds, desc="judge labels", unit=" folds", disable=None):
        model = _learned(features, labels, rest, seed)
        for part in np.array_split(fold, -(-len(fold) // _BATCH)):
            probabilities[part] = model.predict_proba(features[part].astype(np.float32))
    quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    suspect = find_label_issues(labels, probabilities, n_jobs=1) & (quality < max_quality)
    suggested = np.array(classes)[probabilities.argmax(axis=1)]
    return pd.DataFrame(dict(zip(COLUMNS, (quality, suspect, suggested), strict=True)))


def _learned(features: np.ndarray, labels: np.ndarray, rows: np.ndarray, seed: int) -> Pipeline:
    shuffled = np.random.default_rng(seed).permutation(rows)[:_LEARNED_FROM]
    landmarks = min(_LANDMARKS, len(shuffled) // _FACES_A_LANDMARK)
    model = make_pipeline(
        Nystroem(gamma=_GAMMA, n_components=landmarks, random_state=seed),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    )
    return model.fit(features[shuffled].astype(np.float32), labels[shuffled])
