"""A textbook training loop as a baseline: ImageFolder, torchvision transforms, DataLoader, SGD."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

WORKERS = 2
RATE, MOMENTUM, DECAY = 0.05, 0.9, 5e-4


def write_folders(folder: Path, images: np.ndarray, names: list[str]) -> None:
    """Write images uint8 (N, S, S, 1) as `folder`/CLASS/NUMBER.png, by their class names (N,)."""
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        path = folder / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(path)


def augmentation() -> transforms.Compose:
    """The augmentation of params.yaml."""
    return transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.RandomHorizontalFlip(),
            transforms.RandomAffine(12, translate=(0.08, 0.08), scale=(0.88, 1.12)),
            transforms.ToTensor(),
            transforms.Normalize(0.5, 0.25),
        ]
    )


def batches(folder: Path, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch over the images of `folder`: float (N, 1, S, S) and labels (N,)."""
    yield from DataLoader(ImageFolder(folder, augmentation()), size, shuffle=True, num_workers=WORKERS, drop_last=True)


def optimizer_of(network: nn.Module) -> torch.optim.Optimizer:
    """SGD with momentum."""
    return torch.optim.SGD(network.parameters(), RATE, MOMENTUM, weight_decay=DECAY)


def step(network: nn.Module, images: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Update the weights once."""
    loss = nn.functional.cross_entropy(network(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
