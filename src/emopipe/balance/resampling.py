"""Strategies `none`, `oversample` and `undersample`: real faces are kept, repeated or removed at random."""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.balance.strategy import Plan, Sample, Samples, TrainFaces


def none(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Keep the train faces unchanged."""
    return Plan()


def oversample(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Repeat faces, sampled with replacement within each class by imbalanced-learn's RandomOverSampler."""

    def sample(num_missing: Mapping[str, int]) -> Samples:
        from imblearn.over_sampling import RandomOverSampler  # slow to import

        totals = {label: len(faces.rows_of(label)) + num for label, num in num_missing.items()}
        sampler = RandomOverSampler(sampling_strategy=totals, random_state=int(rng.integers(2**32)))
        sampler.fit_resample(np.arange(len(faces.labels))[:, None], faces.labels)
        for parent in sampler.sample_indices_[len(faces.labels) :].tolist():
            yield Sample(parents=(parent,), label=str(faces.labels[parent]), op="repeat")

    return Plan(sample=sample)


def undersample(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Reduce each class to its target by imbalanced-learn's RandomUnderSampler; smaller classes stay unchanged."""
    from imblearn.under_sampling import RandomUnderSampler

    totals = {label: num for label, num in targets.items() if num < len(faces.rows_of(label))}
    sampler = RandomUnderSampler(sampling_strategy=totals, random_state=int(rng.integers(2**32)))
    sampler.fit_resample(np.arange(len(faces.labels))[:, None], faces.labels)
    removed = np.setdiff1d(np.arange(len(faces.labels)), sampler.sample_indices_)
    return Plan(removed=dict.fromkeys(removed.tolist(), "undersampled"))
