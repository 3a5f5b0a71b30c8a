"""An exponential moving average of a network's weights: the model that is kept (Polyak & Juditsky 1992)."""

import copy

import torch
from torch import nn

FIRST = 10  # decay is at most (1 + step) / (FIRST + step): an average over about a ninth of the steps so far


class WeightAverage:
    """A copy of a network whose weights follow it, averaged over about 1 / (1 - decay) steps, but
    never over more than about a ninth of those so far.

    network: the copy, in evaluation mode. With decay 0 it equals the network that it follows.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`, from 0; statistics of batch norm are averaged like weights."""
        decay = min(self._decay, (1 + step) / (FIRST + step))
        mine, theirs = zip(*self._floats, strict=True)
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, other in self._counts:
            own.copy_(other)
