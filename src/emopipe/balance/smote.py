"""SMOTE and its variants, run by imbalanced-learn in a feature space; the parents of each sample are recovered.

`smote`: Chawla et al. 2002, "SMOTE: Synthetic Minority Over-sampling Technique".
`borderline_smote`: Han, Wang & Mao 2005, "Borderline-SMOTE", kind 1; starts from faces near other classes.
`adasyn`: He et al. 2008, "ADASYN"; starts more often from faces with more neighbours of other classes.
`smote_enn`: Batista, Prati & Monard 2004, "A Study of the Behavior of Several Methods for Balancing Machine Learning
Training Data"; edited nearest neighbours then remove rows, real and synthetic, with mostly neighbours of other classes.
`deepsmote`: Dablain, Krawczyk & Chawla 2021, "DeepSMOTE"; SMOTE between the codes of an autoencoder.

Shapes: N train faces, n of one class, M samples, F features, k neighbours.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from sklearn.neighbors import NearestNeighbors

from emopipe.balance.feature_spaces import FeatureSpace, build_space
from emopipe.balance.params import BalanceParams
from emopipe.balance.strategy import Plan, Sample, Samples, SkippedSample, TrainFaces
from emopipe.balance.targets import missing_rows
from emopipe.core.errors import DataError

SAMPLERS = {
    "smote": ("SMOTE", "k_neighbors"),
    "borderline_smote": ("BorderlineSMOTE", "k_neighbors"),
    "adasyn": ("ADASYN", "n_neighbors"),
    "smote_enn": ("SMOTE", "k_neighbors"),
    "deepsmote": ("SMOTE", "k_neighbors"),
}
"""By strategy: class of imblearn.over_sampling, and its argument for the number of neighbours."""
NUM_NEIGHBORS = 5
"""k, the default of imbalanced-learn and of the papers."""
EDITED = "edited"
_CHUNK = 128


def smote(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Interpolate between faces of a class in the space `params.space`; `deepsmote` always uses the latent space.

    Raises `DataError` where `smote_enn` would remove all faces of a class.
    """
    name = "latent" if params.strategy == "deepsmote" else params.space
    space = build_space(name, faces, params.generator, rng)
    if params.strategy == "smote_enn":
        return _smote_enn(faces, space, missing_rows(faces.labels, targets, params.max_added), int(rng.integers(2**31)))

    def sample(num_missing: Mapping[str, int]) -> Samples:
        for label, num in num_missing.items():
            seed = int(rng.integers(2**31))
            features, parents, shares = interpolate(space.features, faces.labels, label, num, params.strategy, seed)
            if len(features) < num:
                yield SkippedSample(label=label, reason="not_drawn", num_rows=num - len(features))
            for pixels, pair, share in zip(space.decode(features), parents.tolist(), shares, strict=True):
                op = f"{params.strategy}({share:.4f})"
                yield Sample(parents=tuple(pair), label=label, op=op, seed=seed, pixels=pixels)

    return Plan(sample=sample)


def _smote_enn(faces: TrainFaces, space: FeatureSpace, num_missing: Mapping[str, int], seed: int) -> Plan:
    """One round of SMOTE and cleaning: rows that replace removed ones would not be cleaned."""
    from imblearn.under_sampling import EditedNearestNeighbours

    num_real, synthetic = len(faces.labels), []
    for label, num in num_missing.items():
        drawn = interpolate(space.features, faces.labels, label, num, "smote_enn", seed)
        synthetic += [(label, *row) for row in zip(*drawn, strict=True)]
    features = np.concatenate([space.features, *(row[None] for _, row, _, _ in synthetic)])
    labels = np.array([*faces.labels, *(label for label, *_ in synthetic)])
    # By majority ("mode"): the stricter "all" removes nearly every face where labels are as noisy as those of emotions.
    cleaner = EditedNearestNeighbours(sampling_strategy="all", kind_sel="mode")
    cleaner.fit_resample(features, np.unique(labels, return_inverse=True)[1])  # "mode" accepts only numbers
    kept = cleaner.sample_indices_
    emptied = sorted(set(faces.labels) - set(labels[kept[kept < num_real]]))
    if emptied:
        raise DataError(f"smote_enn leaves no face of {', '.join(emptied)}: choose another balance.strategy")
    removed = np.setdiff1d(np.arange(len(labels)), kept)

    def generate() -> Samples:
        for label, num in sorted(Counter(labels[removed[removed >= num_real]].tolist()).items()):
            yield SkippedSample(label=label, reason=EDITED, num_rows=num)
        for row in kept[kept >= num_real]:
            label, sample, pair, share = synthetic[row - num_real]
            pixels = space.decode(sample[None])[0]
            yield Sample(parents=tuple(pair.tolist()), label=label, op=f"smote({share:.4f})", seed=seed, pixels=pixels)

    rows = generate()  # exhausted by the first round
    return Plan(sample=lambda num_missing: rows, removed=dict.fromkeys(removed[removed < num_real].tolist(), EDITED))


def interpolate(
    features: np.ndarray, labels: np.ndarray, label: str, num: int, strategy: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most `num` samples of a class, float32 (M, F), their parents' row numbers (M, 2), the second's share (M,).

    features: float32 (N, F). labels: str (N,). No samples for a class of one face, or without a row from which the
    sampler of the strategy starts.
    """
    from imblearn import over_sampling  # slow to import

    rows = np.flatnonzero(labels == label)
    num_neighbors = min(NUM_NEIGHBORS, len(rows) - 1)
    no_samples = features[:0], np.zeros((0, 2), np.int64), np.zeros(0)
    if num_neighbors < 1:
        return no_samples
    name, neighbors = SAMPLERS[strategy]
    options = {"sampling_strategy": {label: len(rows) + num}, neighbors: num_neighbors, "random_state": seed}
    exact = features.astype(np.float64)
    try:
        resampled, _ = getattr(over_sampling, name)(**options).fit_resample(exact, labels)
    except (RuntimeError, ValueError) as error:
        if str(error).startswith(("Not any neigbours", "No samples will be generated")):  # ADASYN
            return no_samples
        raise
    samples = resampled[len(labels) :][:num]
    parents, shares = find_parents(samples, exact[rows], num_neighbors)
    return samples.astype(np.float32), rows[parents], shares


def find_parents(samples: np.ndarray, members: np.ndarray, num_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Recover the parents of samples (M, F): rows of `members` (n, F), int64 (M, 2), and the share of the second (M,).

    imbalanced-learn does not return them. A sample is x + share * (y - x) for a row x and one of its nearest neighbours
    y, so its parents are the pair with the segment nearest to it. The neighbour search is that of imbalanced-learn.
    """
    search = NearestNeighbors(n_neighbors=num_neighbors + 1).fit(members)
    neighbors = search.kneighbors(members, return_distance=False)[:, 1:]  # (n, k)
    firsts, seconds = np.repeat(np.arange(len(members)), num_neighbors), neighbors.ravel()  # (n * k,)
    norms = (members**2).sum(1)
    steps = members[seconds] - members[firsts]
    lengths = np.maximum((steps**2).sum(1), np.finfo(np.float64).tiny)
    offsets = (members[firsts] * steps).sum(1)
    parents, shares = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for start in range(0, len(samples), _CHUNK):
        chunk = samples[start : start + _CHUNK]
        products = chunk @ members.T  # (m, n)
        projections = products[:, seconds] - products[:, firsts] - offsets  # on the steps, (m, n * k)
        share = (projections / lengths).clip(0, 1)
        distances = (chunk**2).sum(1)[:, None] - 2 * products[:, firsts] + norms[firsts]
        best = (distances + share * (share * lengths - 2 * projections)).argmin(axis=1)
        parents.append(np.column_stack([firsts[best], seconds[best]]))
        shares.append(share[np.arange(len(chunk)), best])
    return np.concatenate(parents), np.concatenate(shares)
