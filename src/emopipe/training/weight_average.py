"""Exponential moving average of weights (Polyak & Juditsky 1992); the averaged network is the one that is kept."""

import copy

import torch
from torch import nn

WARMUP_STEPS = 10


class WeightAverage:
    """A copy of a network with its weights averaged over about 1 / (1 - decay) steps.

    Early on the decay is (1 + step) / (`WARMUP_STEPS` + step), an average over about a ninth of the steps so far.
    network: the copy, in evaluation mode; with decay 0 it equals the original.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Average in the weights after `step`, from 0; statistics of batch norm are averaged like weights."""
        decay = min(self._decay, (1 + step) / (WARMUP_STEPS + step))
        averages, originals = zip(*self._floats, strict=True)
        torch._foreach_lerp_(averages, originals, 1 - decay)
        for average, original in self._counts:
            average.copy_(original)
