"""The space of the autoencoder's codes. Shapes: N train faces, M made ones, S side, C channels, L, D of a code."""

import numpy as np
import torch
from torch import Tensor

from emopipe.balance.autoencoder import Autoencoder
from emopipe.balance.autoencoder_training import as_floats, train_autoencoder
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import TrainFaces
from emopipe.balance.spaces import DECODE_BATCH, Space, to_pixels


def latent_space(faces: TrainFaces, config: BalanceParams, rng: np.random.Generator) -> Space:
    """Train the autoencoder; the same `rng` gives the same space on one machine type."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pictures, generator = torch.from_numpy(faces.stack), torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        network = train_autoencoder(
            pictures, faces.labels, steps=config.generator.autoencoder_steps, generator=generator, device=device
        )
        codes = _encode(network, pictures, device)
    shape = codes.shape[1:]

    def decode(features: np.ndarray) -> np.ndarray:
        return _decode(network, torch.from_numpy(features).reshape(-1, *shape), device)

    return Space(features=codes.reshape(len(codes), -1).numpy(), decode=decode)


@torch.inference_mode()
def _encode(network: Autoencoder, pictures: Tensor, device: str) -> Tensor:
    parts = pictures.split(DECODE_BATCH)
    return torch.cat([network.encode(as_floats(part).to(device)).cpu() for part in parts]).contiguous()


@torch.inference_mode()
def _decode(network: Autoencoder, codes: Tensor, device: str) -> np.ndarray:
    pictures = network.decode(codes.to(device)).cpu()
    return to_pixels(255 * pictures.permute(0, 2, 3, 1).numpy())  # (M, S, S, C)
