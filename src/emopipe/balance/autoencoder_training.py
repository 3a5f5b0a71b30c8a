"""How the autoencoder learns: reconstruction, and the permutation penalty of DeepSMOTE.

Shapes: N faces, C channels, S side, L, D of a code.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import trange

from emopipe.balance.autoencoder import Autoencoder
from emopipe.balance.schedule import rates

BATCH = 96
PEAK_RATE = 3e-3
CODE_NOISE = 0.15
"""Standard deviation of noise on the codes, whose own is 1: neighbouring codes must decode to neighbouring faces."""
GRADIENT_WEIGHT, SSIM_WEIGHT, PERMUTATION_WEIGHT = 2.0, 0.2, 0.1
"""Of differences of neighbouring pixels and of 1 - SSIM, beside the mean absolute error, which alone gives blurred
faces; and of the penalty, which at the 1 of the paper gives every face the look of its class's mean."""
PERMUTED = 4
"""The penalty is taken on one in so many faces: a decoding more for all would cost a third of the time."""
_C1, _C2 = 0.01**2, 0.03**2


def train_autoencoder(
    pictures: Tensor, labels: np.ndarray, *, steps: int, generator: torch.Generator, device: str
) -> Autoencoder:
    """Train on uint8 (N, S, S, C) with the classes (N,); the same generator gives the same weights on one machine type.

    Dablain, Krawczyk & Chawla 2021, "DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data", without its
    adversary-free fully connected bottleneck: codes keep their place, because small faces do not survive one vector.
    """
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = Autoencoder(pictures.shape[3])
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rates(steps))
    classes = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
    for _ in trange(steps, desc="autoencoder", unit=" steps", leave=False, disable=None):
        rows = torch.randint(len(pictures), (BATCH,), generator=generator)
        wanted = as_floats(pictures[rows]).to(device)
        mirrored = torch.rand(BATCH, generator=generator).to(device) < 0.5
        wanted = torch.where(mirrored[:, None, None, None], wanted.flip(3), wanted)
        codes = network.encode(wanted)
        noise = CODE_NOISE * torch.randn(codes.shape, generator=generator).to(device)
        first = BATCH // PERMUTED
        others = same_class_order(classes[rows[:first]], generator).to(device)
        decoded = network.decode(torch.cat([codes + noise, codes[:first][others]]))
        penalty = F.mse_loss(decoded[BATCH:], wanted[:first])
        loss = reconstruction_loss(decoded[:BATCH], wanted) + PERMUTATION_WEIGHT * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def as_floats(pictures: Tensor) -> Tensor:
    """Uint8 (N, S, S, C) to float (N, C, S, S) in 0..1."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def same_class_order(classes: Tensor, generator: torch.Generator) -> Tensor:
    """A permutation (N,) that gives each place another of its class, where it has one; int64 (N,)."""
    shuffled = torch.randperm(len(classes), generator=generator)
    grouped = shuffled[classes[shuffled].argsort(stable=True)]  # classes together, in random order
    order = torch.empty_like(grouped)
    for members in grouped.split(classes.bincount().tolist()):
        order[members] = members.roll(1)
    return order


def reconstruction_loss(decoded: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error, the same of the differences of neighbouring pixels, and 1 - SSIM; two (N, C, S, S) to ()."""
    along = (decoded.diff(dim=3) - wanted.diff(dim=3)).abs().mean()
    down = (decoded.diff(dim=2) - wanted.diff(dim=2)).abs().mean()
    similar = ssim(decoded, wanted).mean()
    return F.l1_loss(decoded, wanted) + GRADIENT_WEIGHT * (along + down) / 2 + SSIM_WEIGHT * (1 - similar)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of values in 0..1 over windows of 7x7 (Wang et al. 2004, eq. 13), (N, C, S-6, S-6)."""
    parts = torch.cat([first, second, first * first, second * second, first * second])
    mean1, mean2, square1, square2, product = F.avg_pool2d(parts, 7, stride=1).chunk(5)
    variance = square1 + square2 - mean1**2 - mean2**2
    covariance = product - mean1 * mean2
    light = (2 * mean1 * mean2 + _C1) / (mean1**2 + mean2**2 + _C1)
    return light * (2 * covariance + _C2) / (variance + _C2)
