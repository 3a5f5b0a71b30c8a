"""Strategy `flow`: a real face of any class, taken part of the way to noise, flows back as a face of the class that is
wanted; so the few faces of a small class lend their expression, and all faces their variety.

Shapes: N train faces, M made ones, L, D of a code.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from emopipe.balance.draws import draw_seeds, drawn_equally
from emopipe.balance.rows import Addition, Missing, Plan, Refusal, TrainFaces
from emopipe.params import BalanceParams

BATCH = 256


def flow(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Train the autoencoder and the velocity field over its codes; each row has one parent, and noise by its seed."""
    import torch  # takes a second, which other strategies need not spend

    from emopipe.balance.latent_space import latent_space
    from emopipe.balance.velocity import renoised, train_velocity

    space, codes = latent_space(faces, config, rng)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names, classes = np.unique(faces.labels, return_inverse=True)
    strength = config.generator.flow_strength
    network = train_velocity(
        codes,
        torch.from_numpy(classes),
        len(names),
        steps=config.generator.flow_steps,
        generator=torch.Generator().manual_seed(int(rng.integers(2**62))),
        device=device,
    )

    def make(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | Refusal]:
        for name, lacking in missing.items():
            parents, seeds = drawn_equally(np.arange(len(faces.labels)), lacking, rng), draw_seeds(lacking, rng)
            for first in range(0, lacking, BATCH):
                rows, own = parents[first : first + BATCH], seeds[first : first + BATCH]
                drawn = (torch.Generator().manual_seed(seed) for seed in own)
                noise = torch.stack([torch.randn(codes.shape[1:], generator=generator) for generator in drawn])
                labels = torch.full((len(rows),), int(np.searchsorted(names, name)))
                made = renoised(network, codes[rows].to(device), labels.to(device), noise.to(device), strength)
                pictures = space.decode(made.cpu().flatten(1).numpy())
                for parent, seed, pixels in zip(rows.tolist(), own, pictures, strict=True):
                    op = f"flow({faces.labels[parent]} to {name}, {strength:g})"
                    yield Addition(parents=(parent,), label=name, op=op, seed=seed, pixels=pixels)

    return Plan(make=make)
