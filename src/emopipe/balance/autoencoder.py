"""A small convolutional autoencoder of faces, for interpolation and generation in latent space.

Dablain, Krawczyk & Chawla 2021, "DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data", with spatial codes
instead of a vector, which is too small a bottleneck for faces.

Shapes: N faces, C channels, S side (a multiple of 8), D = S / 8, L channels of a code.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

from emopipe.balance.optimizer import build_optimizer

WIDTHS = (32, 64, 128)  # at a half, a quarter and an eighth of the side
CODE_CHANNELS = 16
BATCH = 96
LEARNING_RATE = 3e-3
CODE_NOISE = 0.15
"""Standard deviation of the noise added to codes in training, so that neighbouring codes decode to similar faces."""
GRADIENT_WEIGHT, SSIM_WEIGHT, PERMUTATION_WEIGHT = 2.0, 0.2, 0.1
"""Loss weights. The absolute error alone gives blurred faces; a permutation penalty of 1, as in the paper, gives every
face the look of the mean of its class."""
PERMUTED_FRACTION = 4
"""The penalty is computed on 1 of 4 faces: decoding all a second time costs a third of the training time."""
_C1, _C2 = 0.01**2, 0.03**2


class Residual(nn.Module):
    """x + conv1(relu(BN(conv3(relu(BN(x)))))), same shape (He et al. 2016, "Identity Mappings", pre-activated)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 1, bias=False)),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Autoencoder(nn.Module):
    """Float (N, C, S, S) in 0..1 to codes (N, L, D, D) and back.

    The encoder ends in batch norm without weights: each code channel has mean 0 and variance 1 over the training faces.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.encoder = nn.Sequential(
            *(nn.Conv2d(channels, half, 4, stride=2, padding=1), nn.ReLU(inplace=True)),  # (N, 32, S/2, S/2)
            *(nn.Conv2d(half, quarter, 4, stride=2, padding=1), Residual(quarter)),  # (N, 64, S/4, S/4)
            *(nn.Conv2d(quarter, eighth, 4, stride=2, padding=1), Residual(eighth)),  # (N, 128, D, D)
            *(nn.BatchNorm2d(eighth), nn.ReLU(inplace=True), nn.Conv2d(eighth, CODE_CHANNELS, 1)),
            nn.BatchNorm2d(CODE_CHANNELS, affine=False),  # (N, L, D, D)
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(CODE_CHANNELS, eighth, 3, padding=1), Residual(eighth), Residual(eighth)),  # (N, 128, D, D)
            *(nn.Conv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2), Residual(quarter)),  # (N, 64, S/4, S/4)
            *(nn.Conv2d(quarter, 4 * half, 1), nn.PixelShuffle(2), Residual(half)),  # (N, 32, S/2, S/2)
            *(nn.BatchNorm2d(half), nn.ReLU(inplace=True), nn.Conv2d(half, 4 * channels, 3, padding=1)),
            nn.PixelShuffle(2),  # (N, C, S, S)
        )

    def encode(self, images: Tensor) -> Tensor:
        """Codes (N, L, D, D)."""
        codes: Tensor = self.encoder(images.contiguous(memory_format=torch.channels_last))
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Float (N, C, S, S); not clamped, so that the loss has a gradient everywhere."""
        images: Tensor = self.decoder(codes.contiguous(memory_format=torch.channels_last))
        return images


def train_autoencoder(
    images: Tensor, labels: np.ndarray, *, steps: int, generator: torch.Generator, device: str
) -> Autoencoder:
    """Train on uint8 (N, S, S, C) with class names (N,); deterministic on one machine type, given the generator."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = Autoencoder(images.shape[3])
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer, schedule = build_optimizer(network, LEARNING_RATE, steps)
    classes = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
    num_permuted = BATCH // PERMUTED_FRACTION
    for _ in trange(steps, desc="autoencoder", unit=" steps", leave=False, disable=None):
        rows = torch.randint(len(images), (BATCH,), generator=generator)
        batch = as_floats(images[rows]).to(device)
        flipped = torch.rand(BATCH, generator=generator).to(device) < 0.5
        batch = torch.where(flipped[:, None, None, None], batch.flip(3), batch)
        codes = network.encode(batch)
        noise = CODE_NOISE * torch.randn(codes.shape, generator=generator).to(device)
        order = permute_within_classes(classes[rows[:num_permuted]], generator).to(device)
        decoded = network.decode(torch.cat([codes + noise, codes[:num_permuted][order]]))
        penalty = F.mse_loss(decoded[BATCH:], batch[:num_permuted])
        loss = reconstruction_loss(decoded[:BATCH], batch) + PERMUTATION_WEIGHT * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def as_floats(images: Tensor) -> Tensor:
    """Uint8 (N, S, S, C) to float (N, C, S, S) in 0..1."""
    return images.permute(0, 3, 1, 2).float() / 255


def permute_within_classes(classes: Tensor, generator: torch.Generator) -> Tensor:
    """A random permutation within each class, int64 (N,), without fixed points in classes of two or more."""
    shuffled = torch.randperm(len(classes), generator=generator)
    grouped = shuffled[classes[shuffled].argsort(stable=True)]
    order = torch.empty_like(grouped)
    for members in grouped.split(classes.bincount().tolist()):
        order[members] = members.roll(1)
    return order


def reconstruction_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """Weighted sum of the mean absolute errors of pixels and of image gradients, and of 1 - SSIM; both (N, C, S, S)."""
    horizontal = (decoded.diff(dim=3) - images.diff(dim=3)).abs().mean()
    vertical = (decoded.diff(dim=2) - images.diff(dim=2)).abs().mean()
    similarity = ssim(decoded, images).mean()
    return F.l1_loss(decoded, images) + GRADIENT_WEIGHT * (horizontal + vertical) / 2 + SSIM_WEIGHT * (1 - similarity)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of values in 0..1 over windows of 7x7 (Wang et al. 2004, eq. 13), (N, C, S-6, S-6)."""
    parts = torch.cat([first, second, first * first, second * second, first * second])
    mean1, mean2, square1, square2, product = F.avg_pool2d(parts, 7, stride=1).chunk(5)
    variance = square1 + square2 - mean1**2 - mean2**2
    covariance = product - mean1 * mean2
    luminance = (2 * mean1 * mean2 + _C1) / (mean1**2 + mean2**2 + _C1)
    return luminance * (2 * covariance + _C2) / (variance + _C2)
