"""Strategy `smote`: rows between a face and one of its nearest neighbours of the same class.

Chawla et al. 2002, "SMOTE: Synthetic Minority Over-sampling Technique".
"""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.interpolation import build_space, interpolating
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces


def smote(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Interpolate in the space that `config.space` names."""
    return Plan(make=interpolating(build_space(faces, config, rng), faces.labels, "smote", plain_sampler))


def plain_sampler(targets: dict[str, int], neighbours: int, seed: int) -> object:
    """SMOTE of imbalanced-learn."""
    from imblearn.over_sampling import SMOTE

    return SMOTE(sampling_strategy=targets, k_neighbors=neighbours, random_state=seed)
