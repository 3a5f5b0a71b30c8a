"""What a network costs.

Shapes: D channels, S side.
"""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def num_macs(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-accumulates for one picture (D, S, S): those of convolutions, matrix products and attention."""
    counted = copy.deepcopy(network).to("cpu").eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        counted(torch.zeros(1, channels, size, size))
    return int(counter.get_total_flops()) // 2
