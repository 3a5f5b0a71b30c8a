"""Strategy `smote_enn`: SMOTE, and then rows go, real and made, of which most nearest neighbours are of other classes.

Batista, Prati & Monard 2004, "A Study of the Behavior of Several Methods for Balancing Machine Learning Training Data".
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from emopipe.balance.interpolation import build_space, draw
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Missing, Plan, SkippedSample, TrainFaces
from emopipe.balance.smote import plain_sampler
from emopipe.balance.spaces import Space
from emopipe.balance.targets import num_missing
from emopipe.core.errors import DataError

EDITED = "edited"


def smote_enn(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Draw once and clean once: what cleaning takes is not made again, else it would not be cleaned.

    Raises `DataError` where a class would lose all its faces.
    """
    from imblearn.under_sampling import EditedNearestNeighbours

    space, seed = build_space(faces, config, rng), int(rng.integers(2**31))
    num_real, drawn = len(faces.labels), []
    for label, lacking in num_missing(faces.labels, targets, config.max_added).items():
        samples, parents, shares = draw(space.features, faces.labels, label, lacking, plain_sampler, seed)
        drawn += [(label, *row) for row in zip(samples, parents.tolist(), shares, strict=True)]
    features = np.concatenate([space.features, *(sample[None] for _, sample, _, _ in drawn)])
    labels = np.array([*faces.labels, *(label for label, *_ in drawn)])
    # "mode": by majority. The stricter "all" leaves hardly a face where labels are as noisy as those of emotions.
    cleaner = EditedNearestNeighbours(sampling_strategy="all", kind_sel="mode")
    cleaner.fit_resample(features, np.unique(labels, return_inverse=True)[1])  # "mode" takes numbers alone
    gone = np.setdiff1d(np.arange(len(labels)), cleaner.sample_indices_)
    emptied = sorted(set(faces.labels) - set(np.delete(labels, gone)[: num_real - (gone < num_real).sum()]))
    if emptied:
        raise DataError(f"smote_enn leaves no face of {', '.join(emptied)}: choose another balance.strategy")
    kept = [drawn[row - num_real] for row in cleaner.sample_indices_ if row >= num_real]
    lost = Counter(drawn[row - num_real][0] for row in gone if row >= num_real)
    waiting = [_rows(space, kept, lost, seed)]

    def make(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | SkippedSample]:
        return waiting.pop() if waiting else iter(())

    return Plan(make=make, removed=dict.fromkeys(gone[gone < num_real].tolist(), EDITED))


def _rows(
    space: Space, kept: list[tuple[str, np.ndarray, list[int], float]], lost: Counter[str], seed: int
) -> Iterator[Addition | SkippedSample]:
    for label, num_rows in sorted(lost.items()):
        yield SkippedSample(label=label, reason=EDITED, num_rows=num_rows)
    for label, sample, parents, share in kept:
        pixels = space.decode(sample[None])[0]
        yield Addition(parents=tuple(parents), label=label, op=f"smote({share:.4f})", seed=seed, pixels=pixels)
