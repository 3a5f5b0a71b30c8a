"""Strategy `borderline_smote`: SMOTE that starts only from faces in danger, with neighbours mostly of other classes.

Han, Wang & Mao 2005, "Borderline-SMOTE", kind 1.
"""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.interpolation import build_space, interpolating
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces


def borderline_smote(
    faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator
) -> Plan:
    """Interpolate in the space that `config.space` names; a class without a face in danger gets no rows."""
    space = build_space(faces, config, rng)
    return Plan(make=interpolating(space, faces.labels, "borderline_smote", _sampler))


def _sampler(targets: dict[str, int], neighbours: int, seed: int) -> object:
    from imblearn.over_sampling import BorderlineSMOTE

    return BorderlineSMOTE(sampling_strategy=targets, k_neighbors=neighbours, random_state=seed)
