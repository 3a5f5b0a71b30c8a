"""Optimisers and learning rate schedule."""

import math

import torch
from torch import Tensor, nn

from emopipe.training.config import TrainConfig
from emopipe.training.muon import Muon
from emopipe.training.networks.initial_weights import last_layer

BETAS, MOMENTUM = (0.9, 0.99), 0.9
FRACTION = "rate_fraction"
"""Of a parameter group: its learning rate as a fraction of the schedule's."""


def make_optimizers(network: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all weights, or for `muon`, Muon for the matrices of hidden layers and AdamW for the rest.

    AdamW: Loshchilov & Hutter 2019. Weights with one axis have no decay.
    """
    matrices = hidden_matrices(network) if config.optimizer == "muon" else []
    matrix_ids = {id(weight) for weight in matrices}
    head, decay = last_layer(network), config.weight_decay
    rest = [(name, weight) for name, weight in network.named_parameters() if id(weight) not in matrix_ids]
    groups = [
        {
            "params": [p for name, p in rest if (name in head) == is_head and (p.ndim > 1) == is_matrix],
            "weight_decay": decay if is_matrix else 0.0,
            FRACTION: 1.0 if is_head else config.backbone_rate,
        }
        for is_head in (False, True)
        for is_matrix in (True, False)
    ]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=config.learning_rate, betas=BETAS)]
    if matrices:
        hidden = {"params": matrices, FRACTION: config.backbone_rate}
        optimizers.append(Muon([hidden], lr=config.learning_rate, weight_decay=decay, momentum=MOMENTUM))
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
    """Set the learning rate of all parameter groups, each by its fraction of the rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group[FRACTION]


def freeze_backbone(network: nn.Module, *, frozen: bool) -> None:
    """Freeze all layers but the last, or train them again."""
    head = last_layer(network)
    for name, weight in network.named_parameters():
        weight.requires_grad_(not frozen or name in head)
