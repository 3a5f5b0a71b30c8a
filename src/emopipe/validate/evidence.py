"""Collect the evidence about a table of faces. Shapes: N faces."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emopipe.faces.classes import label_indices
from emopipe.faces.file import FaceFile
from emopipe.faces.png import decode_png
from emopipe.validate.findings.base import Evidence
from emopipe.validate.params import ValidateParams
from emopipe.vision.hog import describe
from emopipe.vision.image_stats import measure
from emopipe.vision.label_errors import find_label_errors
from emopipe.vision.near_duplicates import connected_groups, near_pairs


def collect_evidence(
    file: FaceFile, faces: pd.DataFrame, classes: Sequence[str], params: ValidateParams, *, seed: int
) -> Evidence:
    """Compute image statistics, near-duplicates, and the quality of labels.

    faces: `file.frame`, with corrected labels.
    """
    stats = measure(file.images())
    near = near_pairs(file, stats.descriptors, params.min_similarity)
    labels = pd.DataFrame({"quality": np.nan, "suspect": False, "suggested": ""}, index=faces.index)
    rows = _scored_rows(faces, classes, params.label_folds)
    if len(rows):
        labels.loc[rows] = find_label_errors(
            describe(decode_png(png) for _, png in file.iter_pngs(rows)),
            label_indices(faces["label"].iloc[rows], classes),
            connected_groups(faces["id"], near).iloc[rows].to_numpy(),
            classes=classes,
            folds=params.label_folds,
            max_quality=params.max_label_quality,
            seed=seed,
        ).to_numpy()
    return Evidence(faces=faces, measures=stats.frame, near=near, labels=labels)


def _scored_rows(faces: pd.DataFrame, classes: Sequence[str], folds: int) -> np.ndarray:
    """Rows whose labels are scored: each image outside test once, if every class has at least `folds` of them."""
    outside = np.flatnonzero(~faces["id"].duplicated() & (faces["split"] != "test"))
    counts = faces["label"].iloc[outside].value_counts()
    enough = folds > 0 and set(counts.index) == set(classes) and counts.min() >= folds
    return outside if enough else outside[:0]
