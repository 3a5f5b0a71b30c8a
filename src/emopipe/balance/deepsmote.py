"""Strategy `deepsmote`: SMOTE between the codes of an autoencoder that was trained with the permutation penalty.

Dablain, Krawczyk & Chawla 2021, "DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data".
"""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.interpolation import interpolating
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces
from emopipe.balance.smote import plain_sampler


def deepsmote(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Interpolate in code space, whatever `config.space` says."""
    from emopipe.balance.latent_space import latent_space

    space = latent_space(faces, config, rng)
    return Plan(make=interpolating(space, faces.labels, "deepsmote", plain_sampler))
