"""The optimisers and their schedule."""

import math

import torch
from torch import Tensor, nn

from emopipe.training.config import TrainConfig
from emopipe.training.muon import Muon

BETAS, MOMENTUM = (0.9, 0.99), 0.9


def make_optimizers(network: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the matrices of hidden layers and AdamW for the rest, as `config.optimizer` says.

    AdamW: Loshchilov & Hutter 2019. Only weights with more than one axis decay.
    """
    matrices = hidden_matrices(network) if config.optimizer == "muon" else []
    taken = {id(weight) for weight in matrices}
    rest = [p for p in network.parameters() if id(p) not in taken]
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
    """Weights of linear layers and of convolutions over all channels, but those of the first and the last of them."""
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)
    ]
    return [layer.weight for layer in layers[1:-1]]


def rate_at(step: int, num_steps: int, config: TrainConfig) -> float:
    """The learning rate of `step`, from 0: a straight rise to the peak, then a cosine that ends near zero."""
    done, rise = (step + 0.5) / num_steps, config.warmup_fraction
    if done < rise:
        return config.learning_rate * done / rise
    return config.learning_rate * (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    """Use `rate` from now on."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
