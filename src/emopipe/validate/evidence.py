"""Look at every picture of a table, and gather what findings are made from. Shapes: N faces, U different pictures."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from emopipe.faces.classes import label_indices
from emopipe.faces.file import FaceFile
from emopipe.validate.findings.base import Evidence
from emopipe.validate.params import ValidateParams
from emopipe.vision.hog import describe
from emopipe.vision.image_stats import measure
from emopipe.vision.label_errors import find_label_errors
from emopipe.vision.near_duplicates import connected_groups, near_pairs


def collect_evidence(
    file: FaceFile, faces: pd.DataFrame, classes: Sequence[str], params: ValidateParams, *, seed: int
) -> Evidence:
    """Measure all pictures, pair those that are nearly the same, and judge the labels.

    faces: the facts of `file`, with corrected labels.
    """
    measures = measure(file.images())
    near = near_pairs(file, measures.descriptors, params.min_similarity)
    labels = pd.DataFrame({"quality": np.nan, "suspect": False, "suggested": ""}, index=faces.index)
    judged = _judged(faces, classes, params.label_folds)
    if len(judged):
        labels.loc[judged] = find_label_errors(
            describe(_pictures(file, judged)),
            label_indices(faces["label"].iloc[judged], classes),
            connected_groups(faces["id"], near).iloc[judged].to_numpy(),
            classes=classes,
            folds=params.label_folds,
            max_quality=params.max_label_quality,
            seed=seed,
        ).to_numpy()
    return Evidence(faces=faces, measures=measures.frame, near=near, labels=labels)


def _judged(faces: pd.DataFrame, classes: Sequence[str], folds: int) -> np.ndarray:
    """Rows whose labels are judged: each picture outside test once, if each class has enough for each fold."""
    outside = np.flatnonzero(~faces["id"].duplicated() & (faces["split"] != "test"))
    counts = faces["label"].iloc[outside].value_counts()
    enough = folds > 0 and set(counts.index) == set(classes) and counts.min() >= folds
    return outside if enough else outside[:0]


def _pictures(file: FaceFile, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Uint8 (H, W, C) of each of the rows, whose numbers rise."""
    wanted = set(rows.tolist())
    return (picture for row, picture in enumerate(file.images()) if row in wanted)
