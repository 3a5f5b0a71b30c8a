"""A network with its preprocessing and calibration: decoded images to logits and probabilities.

Shapes: N images, H height, W width, C channels of an image, S side and D channels of the network's input, K classes,
V views of an image.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emopipe.faces.resize import InputSpec, Preprocess
from emopipe.training.config import Views
from emopipe.training.networks import Architecture, build_network

SHIFTS = ((0, 0), (1, 1), (-1, -1))  # in pixels: none, to the lower right, to the upper left
SHIFT_WEIGHTS = (0.5, 0.25, 0.25)


class Classifier(nn.Module):
    """uint8 (N, H, W, C) to logits (N, K) and probabilities (N, K).

    views: test-time augmentation, `none`, `flip`, or `flip_shift` (Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds").
    temperature: divides the logits (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        mean: float,
        std: float,
        views: Views = "none",
        temperature: float = 1.0,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.views = views
        self.temperature = temperature
        self.preprocess = Preprocess(
            InputSpec(size=architecture.size, channels=architecture.channels, mean=mean, std=std)
        )
        self.network = network or build_network(architecture)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of one view, the image itself."""
        return self.classify(self.preprocess(images))

    def classify(self, inputs: Tensor) -> Tensor:
        """Normalised float (N, D, S, S) to logits (N, K)."""
        logits: Tensor = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return logits

    def probabilities(self, images: Tensor) -> Tensor:
        """Calibrated probabilities (N, K), from the mean logits of all views."""
        return (self.mean_logits(images) / self.temperature).softmax(1)

    def mean_logits(self, images: Tensor) -> Tensor:
        """Weighted mean over the views of the logits, (N, K)."""
        if self.views == "none":
            logits: Tensor = self(images)
            return logits
        inputs = self.preprocess(images)
        shifts = SHIFTS if self.views == "flip_shift" else SHIFTS[:1]
        shifted = [_shift(inputs, down, right) for down, right in shifts]
        views = torch.cat([view for each in shifted for view in (each, each.flip(3))])  # (V * N, D, S, S)
        by_view = self.classify(views).view(len(shifts), 2, -1, self.architecture.num_classes).mean(1)  # (shifts, N, K)
        if len(shifts) == 1:
            return by_view[0]
        weights = by_view.new_tensor(SHIFT_WEIGHTS).view(-1, 1, 1)
        return (weights * by_view).sum(0)

    @torch.inference_mode()
    def predict(self, images: Tensor) -> Tensor:
        """`probabilities`, in evaluation mode."""
        self.eval()
        return self.probabilities(images)


def _shift(inputs: Tensor, down: int, right: int) -> Tensor:
    """Shift float (N, D, S, S) by pixels; the border is repeated."""
    if down == 0 == right:
        return inputs
    size, reach = inputs.shape[-1], max(abs(down), abs(right))
    padded = F.pad(inputs, (reach,) * 4, mode="replicate")
    top, left = reach - down, reach - right
    return padded[:, :, top : top + size, left : left + size]
