"""Pictures that occur more than once: the same pixels, or nearly the same."""

import numpy as np
import pandas as pd

from emopipe.faces.table import SPLITS
from emopipe.validate.findings.base import DefectMask, Evidence, in_test
from emopipe.vision.near_duplicates import connected_groups


def split_leaks(seen: Evidence) -> DefectMask:
    """Pictures in two splits. They stay in the one that is furthest from training: test before val before train."""
    return _leaks(seen.faces, seen.faces["id"], pd.Series(1.0, index=seen.faces.index))


def near_split_leaks(seen: Evidence) -> DefectMask:
    """Pictures that are nearly the same in two splits; they stay where a leak would."""
    return _leaks(seen.faces, connected_groups(seen.faces["id"], seen.near), _similarity(seen))


def _leaks(faces: pd.DataFrame, groups: pd.Series, evidence: pd.Series) -> DefectMask:
    rank = faces["split"].map({name: rank for rank, name in enumerate(SPLITS)}).astype(np.int64)
    ranks = rank.groupby(groups)
    highest, paired = ranks.transform("max"), evidence > 0
    return DefectMask(
        found=paired & (highest != ranks.transform("min")),
        dropped=paired & (rank < highest),
        groups=groups,
        evidence=evidence,
    )


def label_conflicts(seen: Evidence) -> DefectMask:
    """Pictures with two labels. Which is right is not known, so none of them teaches or selects a model."""
    num_labels = seen.faces.groupby("id")["label"].transform("nunique")
    conflict = num_labels > 1
    return DefectMask(
        found=conflict, dropped=conflict & ~in_test(seen.faces), groups=seen.faces["id"], evidence=num_labels
    )


def exact_duplicates(seen: Evidence) -> DefectMask:
    """Pictures that are twice in one split with one label. The first stays."""
    faces, same = seen.faces, ["id", "label", "split"]
    copies = faces.groupby(same)
    return DefectMask(
        found=faces.duplicated(same, keep=False),
        dropped=faces.duplicated(same) & ~in_test(faces),
        groups=copies.ngroup(),
        evidence=copies["id"].transform("size"),
    )


def near_duplicates(seen: Evidence) -> DefectMask:
    """Pictures that are nearly the same in one split, whatever their labels. The first picture of a group stays."""
    faces, similarity = seen.faces, _similarity(seen)
    pictures = faces.groupby([connected_groups(seen.faces["id"], seen.near), faces["split"]])
    found = (similarity > 0) & (pictures["id"].transform("nunique") > 1)
    return DefectMask(
        found=found,
        dropped=found & (faces["id"] != pictures["id"].transform("first")) & ~in_test(faces),
        groups=pictures.ngroup(),
        evidence=similarity,
    )


def _similarity(seen: Evidence) -> pd.Series:
    """Float (N,), the similarity of each row's picture to the one nearest to it; 0 where there is none."""
    best = np.zeros(len(seen.faces))
    for side in (0, 1):
        np.maximum.at(best, seen.near.pairs[:, side], seen.near.similarity)
    return pd.Series(best).groupby(seen.faces["id"]).transform("max")
