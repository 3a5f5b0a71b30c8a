"""Optimisers and learning rate schedule."""

import math

import torch
from torch import Tensor, nn

from emopipe.training.config import TrainConfig
from emopipe.training.muon import Muon

BETAS, MOMENTUM = (0.9, 0.99), 0.9


def make_optimizers(network: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all weights, or for `muon`, Muon for the matrices of hidden layers and AdamW for the rest.

    AdamW: Loshchilov & Hutter 2019. Weights with one axis have no decay.
    """
    matrices = hidden_matrices(network) if config.optimizer == "muon" else []
    matrix_ids = {id(weight) for weight in matrices}
    rest = [p for p in network.parameters() if id(p) not in matrix_ids]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS)]
    if matrices:
        decay = config.weight_decay
        optimizers.append(Muon(matrices, lr=config.learning_rate, weight_decay=decay, momentum=MOMENTUM))
    return optimizers


def hidden_matrices(network: nn.Module) -> list[Tensor]:
    """Weights of linear layers and of ungrouped convolutions, without the first and the last of them."""
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)
    ]
    return [layer.weight for layer in layers[1:-1]]


def rate_at(step: int, num_steps: int, config: TrainConfig) -> float:
    """The learning rate of `step`, from 0: a linear warm-up to the peak, then a cosine that ends near zero."""
    done, warmup = (step + 0.5) / num_steps, config.warmup_fraction
    if done < warmup:
        return config.learning_rate * done / warmup
    return config.learning_rate * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
