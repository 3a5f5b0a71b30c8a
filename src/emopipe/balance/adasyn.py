"""Strategy `adasyn`: SMOTE that starts more often from faces with more neighbours of other classes.

He et al. 2008, "ADASYN: Adaptive Synthetic Sampling Approach for Imbalanced Learning".
"""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.interpolation import build_space, interpolating
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces


def adasyn(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Interpolate in the space that `config.space` names; a class without neighbours of other classes gets no rows."""
    return Plan(make=interpolating(build_space(faces, config, rng), faces.labels, "adasyn", _sampler))


def _sampler(targets: dict[str, int], neighbours: int, seed: int) -> object:
    from imblearn.over_sampling import ADASYN

    return ADASYN(sampling_strategy=targets, n_neighbors=neighbours, random_state=seed)
