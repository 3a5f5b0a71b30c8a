"""Labelled images in memory, as one uint8 tensor: fast, for data sets of small images.

Shapes: N images, S side, C channels, K classes.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """Images of one size with their classes.

    images: uint8 (N, S, S, C). labels: int64 (N,), indices of classes. soft: float (N, K), rows add up to 1; targets
    that are distributions, such as the votes of annotators or the probabilities of a teacher.
    """

    images: Tensor
    labels: Tensor
    soft: Tensor | None = None

    def __post_init__(self) -> None:
        assert self.images.ndim == 4 and self.images.shape[1] == self.images.shape[2], self.images.shape
        assert self.labels.shape == self.images.shape[:1], (self.labels.shape, self.images.shape)
        assert self.soft is None or len(self.soft) == len(self.labels), (self.soft.shape, self.labels.shape)

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str) -> "LabelledImages":
        """A copy on another device."""
        soft = None if self.soft is None else self.soft.to(device)
        return LabelledImages(images=self.images.to(device), labels=self.labels.to(device), soft=soft)

    def targets(self, rows: Tensor, num_classes: int) -> Tensor:
        """Targets of the row numbers `rows` (M,): float (M, K)."""
        return F.one_hot(self.labels[rows], num_classes).float() if self.soft is None else self.soft[rows]

    def class_counts(self, num_classes: int) -> Tensor:
        """Faces per class, int64 (K,)."""
        return self.labels.bincount(minlength=num_classes)

    def pixel_statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of all pixels, in 0..1, exact over the 256 levels."""
        levels = self.images.flatten().bincount(minlength=256).double()
        values = levels.new_tensor(range(256)) / 255
        mean = (levels * values).sum() / levels.sum()
        std = ((levels * (values - mean) ** 2).sum() / levels.sum()).sqrt()
        return mean.item(), max(std.item(), 1 / 255)
