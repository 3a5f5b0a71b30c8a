"""Where faces are interpolated: their pixels, their principal components, or the codes of the autoencoder.

Shapes: N train faces, M made ones, F features, S side, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emopipe.balance.rows import TrainFaces

NUM_COMPONENTS = 300
"""On FER2013 99 % of the variance."""
DECODE_BATCH = 512


@dataclass(frozen=True, kw_only=True)
class Space:
    """Features of the train faces, float32 (N, F), and how features (M, F) become pictures, uint8 (M, S, S, C)."""

    features: np.ndarray
    decode: Callable[[np.ndarray], np.ndarray]


def pixel_space(faces: TrainFaces) -> Space:
    """The pixels themselves: neighbours are found by light and pose as much as by expression, so only a baseline."""
    shape = faces.stack.shape[1:]
    flat = faces.stack.reshape(len(faces.stack), -1).astype(np.float32)  # of uint8, differences would wrap around
    return Space(features=flat, decode=lambda features: to_pixels(features.reshape(-1, *shape)))


def pca_space(faces: TrainFaces, rng: np.random.Generator) -> Space:
    """Principal components of the pixels: neighbours are found faster, and decoding leaves out the finest noise."""
    from sklearn.decomposition import PCA

    pixels = pixel_space(faces)
    num = min(NUM_COMPONENTS, *pixels.features.shape)
    pca = PCA(num, random_state=int(rng.integers(2**32)), svd_solver="covariance_eigh")
    features = pca.fit_transform(pixels.features).astype(np.float32)
    return Space(features=features, decode=lambda features: pixels.decode(pca.inverse_transform(features)))


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Grey levels of any float kind to uint8, same shape."""
    rounded: np.ndarray = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded
