"""Strategy `undersample`: random faces of the larger classes are left out."""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces, nothing


def undersample(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Lower each class to its target, by imbalanced-learn's RandomUnderSampler; none is raised."""
    from imblearn.under_sampling import RandomUnderSampler

    lowered = {name: wanted for name, wanted in targets.items() if wanted < len(faces.members(name))}
    sampler = RandomUnderSampler(sampling_strategy=lowered, random_state=int(rng.integers(2**32)))
    sampler.fit_resample(np.arange(len(faces.labels))[:, None], faces.labels)
    left_out = np.setdiff1d(np.arange(len(faces.labels)), sampler.sample_indices_)
    return Plan(make=nothing, removed=dict.fromkeys(left_out.tolist(), "undersampled"))
