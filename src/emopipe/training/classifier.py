"""A network together with its preprocessing: from decoded pictures to logits and probabilities.

Shapes: N pictures, H height, W width, C channels of a picture, S side and D channels of the network, K classes.
"""

import torch
from torch import Tensor, nn

from emopipe.training.networks import Architecture, build_network
from emopipe.training.preprocess import InputSpec, Preprocess


class Classifier(nn.Module):
    """uint8 (N, H, W, C) to logits (N, K)."""

    def __init__(self, architecture: Architecture, *, mean: float, std: float) -> None:
        super().__init__()
        self.architecture = architecture
        self.preprocess = Preprocess(
            InputSpec(size=architecture.size, channels=architecture.channels, mean=mean, std=std)
        )
        self.network = build_network(architecture)

    def forward(self, images: Tensor) -> Tensor:
        """Logits; the preprocessing has no weights, so only the network learns."""
        return self.classify(self.preprocess(images))

    def classify(self, inputs: Tensor) -> Tensor:
        """Float (N, D, S, S), already normalised, to logits (N, K)."""
        logits: Tensor = self.network(inputs.contiguous(memory_format=torch.channels_last))
        return logits

    @torch.inference_mode()
    def predict_logits(self, images: Tensor) -> Tensor:
        """uint8 (N, H, W, C) to logits (N, K), in evaluation mode."""
        self.eval()
        logits: Tensor = self(images)
        return logits
