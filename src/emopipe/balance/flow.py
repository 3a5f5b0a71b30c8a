"""Strategy `flow`: real faces of any class, edited into the target class by flow matching.

A small class provides its expression, all faces provide variety. Flow matching works on principal components of the
autoencoder's codes: on the codes themselves it needs far more training steps.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.decomposition import PCA

from emopipe.balance.feature_spaces import FeatureSpace, latent_space
from emopipe.balance.params import BalanceParams
from emopipe.balance.strategy import Plan, Sample, Samples, TrainFaces, sample_parents

NUM_COMPONENTS = 160
"""About 80 % of the variance of the codes on FER2013."""
BATCH = 256


def flow(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Train the autoencoder and the velocity network; each sample has one parent, and noise from its own seed."""
    import torch  # slow to import

    from emopipe.balance.flow_matching import sdedit, train_flow_matching

    space = partially_whitened(latent_space(faces, params.generator, rng))
    features, strength = torch.from_numpy(space.features), params.generator.flow_strength
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names, classes = np.unique(faces.labels, return_inverse=True)
    network = train_flow_matching(
        features,
        torch.from_numpy(classes),
        len(names),
        steps=params.generator.flow_steps,
        generator=torch.Generator().manual_seed(int(rng.integers(2**62))),
        device=device,
    )

    def edit(rows: list[int], seeds: list[int], label: str) -> np.ndarray:
        generators = (torch.Generator().manual_seed(seed) for seed in seeds)
        noise = torch.stack([torch.randn(features.shape[1], generator=generator) for generator in generators])
        target = torch.full((len(rows),), int(np.searchsorted(names, label)))
        edited = sdedit(network, features[rows].to(device), target.to(device), noise.to(device), strength)
        return space.decode(edited.cpu().numpy())

    def sample(num_missing: Mapping[str, int]) -> Samples:
        for label, num in num_missing.items():
            parents = sample_parents(np.arange(len(faces.labels)), num, rng)
            for first in range(0, num, BATCH):
                rows, seeds = map(list, zip(*parents[first : first + BATCH], strict=True))
                for row, seed, pixels in zip(rows, seeds, edit(rows, seeds, label), strict=True):
                    op = f"flow({faces.labels[row]} to {label}, {strength:g})"
                    yield Sample(parents=(row,), label=label, op=op, seed=seed, pixels=pixels)

    return Plan(sample=sample)


def partially_whitened(space: FeatureSpace) -> FeatureSpace:
    """Principal components of a space, each divided by the square root of its standard deviation; overall deviation 1.

    Unscaled, the small components are lost in the noise; fully whitened, the large ones (light, pose) no longer emerge
    first.
    """
    num = min(NUM_COMPONENTS, *space.features.shape)
    pca = PCA(num, svd_solver="covariance_eigh").fit(space.features)
    scale = np.sqrt(np.sqrt(np.maximum(pca.explained_variance_, 1e-6)))
    scale = scale * (pca.transform(space.features) / scale).std()
    return FeatureSpace(
        features=(pca.transform(space.features) / scale).astype(np.float32),
        decode_batch=lambda features: space.decode(pca.inverse_transform(features * scale).astype(np.float32)),
    )
