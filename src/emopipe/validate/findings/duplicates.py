"""Images that occur more than once: exactly, or nearly the same."""

import numpy as np
import pandas as pd

from emopipe.faces.table import SPLITS
from emopipe.validate.findings.base import DefectMask, Evidence
from emopipe.vision.near_duplicates import connected_groups


def split_leaks(evidence: Evidence) -> DefectMask:
    """Images in two splits. They stay in the one furthest from training: test before val before train."""
    faces = evidence.faces
    return _leaks(faces, faces["id"], pd.Series(1.0, index=faces.index))


def near_split_leaks(evidence: Evidence) -> DefectMask:
    """Near-duplicates in two splits; they stay where a leak would."""
    return _leaks(evidence.faces, connected_groups(evidence.faces["id"], evidence.near), _similarity(evidence))


def _leaks(faces: pd.DataFrame, groups: pd.Series, score: pd.Series) -> DefectMask:
    rank = faces["split"].map({name: rank for rank, name in enumerate(SPLITS)}).astype(np.int64)
    ranks = rank.groupby(groups)
    highest, paired = ranks.transform("max"), score > 0
    defective, dropped = paired & (highest != ranks.transform("min")), paired & (rank < highest)
    return DefectMask(defective=defective, dropped=dropped, groups=groups, score=score)


def label_conflicts(evidence: Evidence) -> DefectMask:
    """Images with two labels. The right one is unknown, so no copy is used for training or validation."""
    ids = evidence.faces["id"]
    num_labels = evidence.faces.groupby("id")["label"].transform("nunique")
    defective = num_labels > 1
    return DefectMask(defective=defective, dropped=defective & evidence.outside_test, groups=ids, score=num_labels)


def exact_duplicates(evidence: Evidence) -> DefectMask:
    """Images twice in one split with one label. The first stays."""
    faces, same = evidence.faces, ["id", "label", "split"]
    copies = faces.groupby(same)
    return DefectMask(
        defective=faces.duplicated(same, keep=False),
        dropped=faces.duplicated(same) & evidence.outside_test,
        groups=copies.ngroup(),
        score=copies["id"].transform("size"),
    )


def near_duplicates(evidence: Evidence) -> DefectMask:
    """Near-duplicates in one split, with any labels. The first image of a group stays."""
    faces, similarity = evidence.faces, _similarity(evidence)
    copies = faces.groupby([connected_groups(faces["id"], evidence.near), faces["split"]])
    defective = (similarity > 0) & (copies["id"].transform("nunique") > 1)
    return DefectMask(
        defective=defective,
        dropped=defective & (faces["id"] != copies["id"].transform("first")) & evidence.outside_test,
        groups=copies.ngroup(),
        score=similarity,
    )


def _similarity(evidence: Evidence) -> pd.Series:
    """Similarity of each row's image to its nearest near-duplicate, float (N,); 0 without one."""
    best = np.zeros(len(evidence.faces))
    for side in (0, 1):
        np.maximum.at(best, evidence.near.pairs[:, side], evidence.near.similarity)
    return pd.Series(best).groupby(evidence.faces["id"]).transform("max")
