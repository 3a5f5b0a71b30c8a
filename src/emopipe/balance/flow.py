"""Strategy `flow`: a real face of any class, taken part of the way to noise, flows back as a face of the class that is
wanted; so the few faces of a small class lend their expression, and all faces their variety.

The flow runs over the principal components of the autoencoder's codes: over the codes themselves it needs a
graphics card's worth of steps before it gives faces.
Shapes: N train faces, M made ones, F features of the flow, G of the space.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from emopipe.balance.draws import draw_seeds, drawn_equally
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Missing, Plan, SkippedSample, TrainFaces

NUM_COMPONENTS = 160
"""On FER2013 four fifths of the variance of the codes."""
BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Components:
    """Features of a space (G) to those of the flow (F) and back: principal components, the large ones less large.

    Each is divided by the square root of its standard deviation: what is largest (light, pose) is still set first on
    the way from noise, and what is smallest is not lost in it.
    """

    pca: PCA
    scale: np.ndarray

    def forth(self, features: np.ndarray) -> np.ndarray:
        """Float (N, G) to float32 (N, F), of standard deviation 1 over all."""
        flowing: np.ndarray = (self.pca.transform(features) / self.scale).astype(np.float32)
        return flowing

    def back(self, flowing: np.ndarray) -> np.ndarray:
        """Float (N, F) to float32 (N, G)."""
        features: np.ndarray = self.pca.inverse_transform(flowing * self.scale).astype(np.float32)
        return features


def find_components(features: np.ndarray) -> Components:
    """Of float (N, G)."""
    num = min(NUM_COMPONENTS, features.shape[1], len(features))
    pca = PCA(num, svd_solver="covariance_eigh").fit(features)
    scale = np.sqrt(np.sqrt(np.maximum(pca.explained_variance_, 1e-6)))
    return Components(pca=pca, scale=scale * (pca.transform(features) / scale).std())


def flow(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Train the autoencoder and the velocity field; each row has one parent, and noise by its seed."""
    import torch  # takes a second, which other strategies need not spend

    from emopipe.balance.latent_space import latent_space
    from emopipe.balance.velocity import renoised, train_velocity

    space = latent_space(faces, config, rng)
    components = find_components(space.features)
    features = torch.from_numpy(components.forth(space.features))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names, classes = np.unique(faces.labels, return_inverse=True)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    steps, strength = config.generator.flow_steps, config.generator.flow_strength
    network = train_velocity(
        features, torch.from_numpy(classes), len(names), steps=steps, generator=generator, device=device
    )

    def pictures(rows: np.ndarray, seeds: list[int], name: str) -> np.ndarray:
        own = (torch.Generator().manual_seed(seed) for seed in seeds)
        noise = torch.stack([torch.randn(features.shape[1], generator=generator) for generator in own])
        labels = torch.full((len(rows),), int(np.searchsorted(names, name)))
        made = renoised(network, features[rows].to(device), labels.to(device), noise.to(device), strength)
        return space.decode(components.back(made.cpu().numpy()))

    def make(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | SkippedSample]:
        for name, lacking in missing.items():
            parents, seeds = drawn_equally(np.arange(len(faces.labels)), lacking, rng), draw_seeds(lacking, rng)
            for first in range(0, lacking, BATCH):
                rows, own = parents[first : first + BATCH], seeds[first : first + BATCH]
                for parent, seed, pixels in zip(rows.tolist(), own, pictures(rows, own, name), strict=True):
                    op = f"flow({faces.labels[parent]} to {name}, {strength:g})"
                    yield Addition(parents=(parent,), label=name, op=op, seed=seed, pixels=pixels)

    return Plan(make=make)
