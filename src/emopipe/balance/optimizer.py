"""AdamW with linear warm-up and cosine decay, for the networks that generate faces."""

import math
from collections.abc import Callable

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

WARMUP_FRACTION = 0.1
"""Of the steps."""
WEIGHT_DECAY = 0.01


def build_optimizer(network: nn.Module, learning_rate: float, steps: int) -> tuple[AdamW, LambdaLR]:
    """The optimizer and its schedule over `steps`; `learning_rate` is the peak."""
    optimizer = AdamW(network.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY)
    return optimizer, LambdaLR(optimizer, warmup_cosine(steps))


def warmup_cosine(steps: int) -> Callable[[int], float]:
    """The factor, 0 to 1, of the peak learning rate by step, counted from 0."""
    warmup = max(round(WARMUP_FRACTION * steps), 1)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return (1 + math.cos(math.pi * (step - warmup + 1) / max(steps - warmup + 1, 1))) / 2

    return factor
