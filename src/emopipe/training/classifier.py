"""A network together with its preprocessing and calibration: from decoded pictures to logits and probabilities.

Shapes: N pictures, H height, W width, C channels of a picture, S side and D channels of the network, K classes,
V views of a picture.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emopipe.faces.resize import InputSpec, Preprocess
from emopipe.training.networks import Architecture, build_network

Views = Literal["none", "flip", "flip_shift"]
SHIFTS = ((0, 0), (1, 1), (-1, -1))  # in pixels: as it is, to the lower right, to the upper left
SHIFT_WEIGHTS = (0.5, 0.25, 0.25)


class Classifier(nn.Module):
    """uint8 (N, H, W, C) to logits (N, K) and probabilities (N, K).

    views: test-time augmentation, `none`, `flip`, or `flip_shift` (as in Jordan 2024, "94% on CIFAR-10 in 3.29
    Seconds"). temperature: the logits are divided by it (Guo et al. 2017, "On Calibration of Modern Neural Networks").
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
        """Logits of one view, the picture as it is; the preprocessing has no weights, so only the network learns."""
        return self.classify(self.preprocess(images))

    def classify(self, inputs: Tensor) -> Tensor:
        """Float (N, D, S, S), already normalised, to logits (N, K)."""
        logits: Tensor = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return logits

    def probabilities(self, images: Tensor) -> Tensor:
        """The model's answer: calibrated probabilities (N, K), from the mean logits of all views."""
        return (self.mean_logits(images) / self.temperature).softmax(1)

    def mean_logits(self, images: Tensor) -> Tensor:
        """Logits (N, K), the weighted mean over the views."""
        if self.views == "none":
            logits: Tensor = self(images)
            return logits
        inputs = self.preprocess(images)
        shifts = SHIFTS if self.views == "flip_shift" else SHIFTS[:1]
        shifted = [_shift(inputs, down, right) for down, right in shifts]
        views = torch.cat([view for one in shifted for view in (one, one.flip(3))])  # (V * N, D, S, S)
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
    """Move float (N, D, S, S) by pixels; what comes in repeats the border."""
    if down == 0 == right:
        return inputs
    size, reach = inputs.shape[-1], max(abs(down), abs(right))
    padded = F.pad(inputs, (reach,) * 4, mode="replicate")
    top, left = reach - down, reach - right
    return padded[:, :, top : top + size, left : left + size]
