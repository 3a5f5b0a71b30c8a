"""Feature spaces for interpolation: pixels, principal components, or the codes of the autoencoder.

Shapes: N train faces, M samples, F features, S side, C channels, L, D of a code.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emopipe.balance.params import GeneratorParams, SpaceName
from emopipe.balance.strategy import TrainFaces

NUM_COMPONENTS = 300
"""99 % of the variance on FER2013."""
BATCH = 512


@dataclass(frozen=True, kw_only=True)
class FeatureSpace:
    """Features of the train faces, float32 (N, F), and the decoder of a batch (M, F) to images, uint8 (M, S, S, C)."""

    features: np.ndarray
    decode_batch: Callable[[np.ndarray], np.ndarray]

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Images, uint8 (M, S, S, C), of features (M, F)."""
        batches = [self.decode_batch(features[first : first + BATCH]) for first in range(0, len(features), BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, 1, 1, 1), np.uint8)


def build_space(name: SpaceName, faces: TrainFaces, params: GeneratorParams, rng: np.random.Generator) -> FeatureSpace:
    """The named space; the same `rng` gives the same space on one machine type."""
    if name == "pixels":
        return pixel_space(faces)
    return pca_space(faces, rng) if name == "pca" else latent_space(faces, params, rng)


def pixel_space(faces: TrainFaces) -> FeatureSpace:
    """Pixel values, float32: a baseline, since light and pose determine the neighbours as much as the expression."""
    shape = faces.images.shape
    features = faces.images.reshape(shape[0], -1).astype(np.float32)
    return FeatureSpace(features=features, decode_batch=lambda features: to_pixels(features.reshape(-1, *shape[1:])))


def pca_space(faces: TrainFaces, rng: np.random.Generator) -> FeatureSpace:
    """Principal components of the pixels: a faster neighbour search, and decoded images without the finest noise."""
    from sklearn.decomposition import PCA

    pixels = pixel_space(faces)
    num = min(NUM_COMPONENTS, *pixels.features.shape)
    pca = PCA(num, random_state=int(rng.integers(2**32)), svd_solver="covariance_eigh")
    features = pca.fit_transform(pixels.features).astype(np.float32)
    return FeatureSpace(
        features=features, decode_batch=lambda features: pixels.decode_batch(pca.inverse_transform(features))
    )


def latent_space(faces: TrainFaces, params: GeneratorParams, rng: np.random.Generator) -> FeatureSpace:
    """Codes of an autoencoder, trained here on the faces."""
    import torch  # slow to import, as is the autoencoder

    from emopipe.balance.autoencoder import as_floats, train_autoencoder

    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, generator = torch.from_numpy(faces.images), torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        network = train_autoencoder(
            images, faces.labels, steps=params.autoencoder_steps, generator=generator, device=device
        )
        with torch.inference_mode():
            batches = [network.encode(as_floats(batch).to(device)).cpu() for batch in images.split(BATCH)]
    codes = torch.cat(batches).contiguous()  # (N, L, D, D)

    @torch.inference_mode()
    def decode_batch(features: np.ndarray) -> np.ndarray:
        decoded = network.decode(torch.from_numpy(features).reshape(-1, *codes.shape[1:]).to(device)).cpu()
        return to_pixels(255 * decoded.permute(0, 2, 3, 1).numpy())  # (M, S, S, C)

    return FeatureSpace(features=codes.reshape(len(codes), -1).numpy(), decode_batch=decode_batch)


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Round and clip float grey levels to uint8, same shape."""
    rounded: np.ndarray = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded
