"""Pictures that are unfit, or unlike the others, by what is measured of them; and labels that do not fit them."""

import numpy as np
import pandas as pd

from emopipe.validate.findings.base import DefectMask, Evidence, in_test
from emopipe.validate.params import ValidateParams

_SPREAD = 1.4826  # of a normal distribution, over its median absolute deviation
_LEAST_SPREAD = 0.05  # where nearly all are equal


def constant_images(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures of one grey level, or nearly."""
    spread = seen.measures["brightest"] - seen.measures["darkest"]
    return _low(seen, spread, spread <= params.constant_range)


def likely_non_faces(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures of few grey levels: drawings, signs, text, and faces that are nearly black."""
    return _low(seen, seen.measures["entropy"], seen.measures["entropy"] < params.min_entropy)


def blurred_images(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures without fine detail."""
    return _low(seen, seen.measures["sharpness"], seen.measures["sharpness"] < params.min_sharpness)


def saturated_images(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures of which much is black or white."""
    return _high(seen, seen.measures["saturated"], seen.measures["saturated"] > params.max_saturated)


def brightness_outliers(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures that are much darker or brighter than the others."""
    return _outliers(seen, seen.measures["brightness"], params.max_robust_z)


def size_outliers(seen: Evidence, params: ValidateParams) -> DefectMask:
    """Pictures that are much smaller or larger than the others."""
    sides = seen.faces[["width", "height"]].astype(float)
    return _outliers(seen, np.log2(sides.prod(axis=1)) / 2, params.max_robust_z)


def label_errors(seen: Evidence) -> DefectMask:
    """Labels that a model which has not seen them would not give (Northcutt et al. 2021, "Confident Learning")."""
    return _low(seen, seen.labels["quality"], seen.labels["suspect"])


def _outliers(seen: Evidence, measured: pd.Series, limit: float) -> DefectMask:
    """Beyond `limit` standard deviations from the median, as the median absolute deviation estimates them."""
    distance = (measured - measured.median()).abs()
    deviations = distance / max(_SPREAD * distance.median(), _LEAST_SPREAD) if len(distance) else distance
    return _high(seen, deviations, deviations > limit)


def _low(seen: Evidence, measured: pd.Series, found: pd.Series) -> DefectMask:
    dropped = found & ~in_test(seen.faces)
    return DefectMask(found=found, dropped=dropped, groups=seen.faces["id"], evidence=measured, worst="lowest")


def _high(seen: Evidence, measured: pd.Series, found: pd.Series) -> DefectMask:
    return DefectMask(found=found, dropped=found & ~in_test(seen.faces), groups=seen.faces["id"], evidence=measured)
