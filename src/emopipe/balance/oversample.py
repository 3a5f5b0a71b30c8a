"""Strategy `oversample`: random faces of the smaller classes are repeated."""

from collections.abc import Callable, Iterator

import numpy as np

from emopipe.balance.addition import Addition, num_missing
from emopipe.params import BalanceParams


def oversample(
    labels: np.ndarray, pixels: Callable[[int], np.ndarray], config: BalanceParams, rng: np.random.Generator
) -> Iterator[Addition]:
    """Repeat rows, drawn with replacement within each class by imbalanced-learn's RandomOverSampler."""
    from imblearn.over_sampling import RandomOverSampler  # takes a second, which other strategies need not spend

    missing = num_missing(labels, config.target_ratio)
    targets = {name: int((labels == name).sum()) + lacking for name, lacking in missing.items() if lacking}
    sampler = RandomOverSampler(sampling_strategy=targets, random_state=int(rng.integers(2**32)))
    sampler.fit_resample(np.arange(len(labels))[:, None], labels)
    for parent in sampler.sample_indices_[len(labels) :]:
        yield Addition(parents=(int(parent),), label=str(labels[parent]), op="repeat")
