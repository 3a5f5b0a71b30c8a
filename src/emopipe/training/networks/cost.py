"""Compute cost of a network."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def num_macs(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-accumulates of convolutions, matrix products and attention for one image (channels, size, size)."""
    network = copy.deepcopy(network).to("cpu").eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, channels, size, size))
    return int(counter.get_total_flops()) // 2
