"""Defects of single images, by thresholds on their statistics, and label errors."""

from typing import Literal

import numpy as np
import pandas as pd

from emopipe.validate.findings.base import DefectMask, Evidence

_MAD_TO_STD = 1.4826  # of a normal distribution
_MIN_STD = 0.05  # where nearly all values are equal


def constant_images(evidence: Evidence, max_range: int) -> DefectMask:
    """Images whose grey levels differ by at most `max_range`."""
    spread = evidence.measures["brightest"] - evidence.measures["darkest"]
    return _defect(evidence, spread, spread <= max_range, "lowest")


def small_images(evidence: Evidence, min_size: int) -> DefectMask:
    """Images with a side below `min_size` pixels."""
    side = sides(evidence.faces).min(axis=1)
    return _defect(evidence, side, side < min_size, "lowest")


def elongated_images(evidence: Evidence, max_aspect: float) -> DefectMask:
    """Images with a side of more than `max_aspect` times the other."""
    ratio = aspect(evidence.faces)
    return _defect(evidence, ratio, ratio > max_aspect)


def sides(faces: pd.DataFrame) -> pd.DataFrame:
    """Width and height of each face, int64 (N, 2)."""
    return faces[["width", "height"]].astype(np.int64)


def aspect(faces: pd.DataFrame) -> pd.Series:
    """The longer side of each face over the shorter, float (N,)."""
    return sides(faces).max(axis=1) / sides(faces).min(axis=1)


def below(evidence: Evidence, measure: str, limit: float) -> DefectMask:
    """Images with a measure below a limit."""
    score = evidence.measures[measure]
    return _defect(evidence, score, score < limit, "lowest")


def above(evidence: Evidence, measure: str, limit: float) -> DefectMask:
    """Images with a measure above a limit."""
    score = evidence.measures[measure]
    return _defect(evidence, score, score > limit)


def brightness_outliers(evidence: Evidence, max_robust_z: float) -> DefectMask:
    """Images much darker or brighter than the others."""
    return _outliers(evidence, evidence.measures["brightness"], max_robust_z)


def size_outliers(evidence: Evidence, max_robust_z: float) -> DefectMask:
    """Images much smaller or larger than the others."""
    area = evidence.faces[["width", "height"]].astype(float).prod(axis=1)
    return _outliers(evidence, np.log2(area) / 2, max_robust_z)


def label_errors(evidence: Evidence) -> DefectMask:
    """Labels that are probably wrong (`vision.label_errors`)."""
    return _defect(evidence, evidence.labels["quality"], evidence.labels["suspect"], "lowest")


def _outliers(evidence: Evidence, values: pd.Series, max_robust_z: float) -> DefectMask:
    """By robust z-score: deviation from the median, over the standard deviation that the MAD estimates."""
    deviation = (values - values.median()).abs()
    robust_z = deviation / max(_MAD_TO_STD * deviation.median(), _MIN_STD) if len(deviation) else deviation
    return _defect(evidence, robust_z, robust_z > max_robust_z)


def _defect(
    evidence: Evidence, score: pd.Series, defective: pd.Series, worst: Literal["lowest", "highest"] = "highest"
) -> DefectMask:
    dropped = defective & evidence.outside_test
    return DefectMask(defective=defective, dropped=dropped, groups=evidence.faces["id"], score=score, worst=worst)
