"""Strategy `oversample`: random faces of the smaller classes are repeated."""

from collections.abc import Iterator, Mapping

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Missing, Plan, TrainFaces


def oversample(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Repeat rows, drawn with replacement within each class by imbalanced-learn's RandomOverSampler."""
    return Plan(make=lambda missing, rng: _repeat(faces.labels, missing, rng))


def _repeat(labels: np.ndarray, missing: Missing, rng: np.random.Generator) -> Iterator[Addition]:
    from imblearn.over_sampling import RandomOverSampler  # takes a second, which other strategies need not spend

    targets = {name: int((labels == name).sum()) + lacking for name, lacking in missing.items() if lacking}
    sampler = RandomOverSampler(sampling_strategy=targets, random_state=int(rng.integers(2**32)))
    sampler.fit_resample(np.arange(len(labels))[:, None], labels)
    for parent in sampler.sample_indices_[len(labels) :]:
        yield Addition(parents=(int(parent),), label=str(labels[parent]), op="repeat")
