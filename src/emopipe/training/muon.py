"""Muon: momentum with orthogonalised updates, for the weight matrices of hidden layers.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". torch.optim.Muon takes no convolutions
and computes in bfloat16, which is slow on processors without it.
Shapes: O outputs, I inputs times kernel positions, R the smaller of the two, G matrices with equal R.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4
EPSILON = 1e-7
ADAMW_RMS = 0.2  # root mean square of an AdamW update; one learning rate fits both (Liu et al. 2025, Moonlight)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; convolutions are matrices (O, I)."""

    def __init__(self, params: Iterable[dict[str, Any]], *, lr: float, weight_decay: float, momentum: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update all weights that have a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            matrices = [self._nesterov(weight, weight.grad, group["momentum"]) for weight in weights]
            for weight, matrix in zip(weights, orthogonal(matrices), strict=True):
                direction = matrix.view_as(weight.movedim(1, -1)).movedim(-1, 1)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(direction, alpha=-group["lr"] * ADAMW_RMS * max(matrix.shape) ** 0.5)

    def _nesterov(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov momentum as a matrix (O, I), channels last, like the weights in memory."""
        mean = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        mean.lerp_(gradient, 1 - momentum)
        return gradient.lerp(mean, momentum).movedim(1, -1).flatten(1)


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Float matrices (O, I) with the same singular vectors, and singular values near 1.

    Four Newton-Schulz iterations, with the coefficients of the source, which does five: values above 0.006 of the norm
    of a matrix end in 0.7..1.2, smaller ones below. The iteration is on Gram matrices, (R, R), stacked by size: the
    same result in a fraction of the time.
    """
    units = [matrix / (matrix.norm() + EPSILON) for matrix in matrices]
    by_size: dict[int, list[int]] = {}
    for index, unit in enumerate(units):
        by_size.setdefault(min(unit.shape), []).append(index)
    results = [torch.empty(0)] * len(units)
    for indices in by_size.values():
        products = _iterate(torch.stack([_gram(units[index]) for index in indices]))
        for index, product in zip(indices, products, strict=True):
            unit = units[index]
            results[index] = product @ unit if len(product) == len(unit) else unit @ product
    return results


def _gram(unit: Tensor) -> Tensor:
    """The smaller product of (O, I) with its transpose, (R, R)."""
    return unit @ unit.T if unit.shape[0] <= unit.shape[1] else unit.T @ unit


def _iterate(gram: Tensor) -> Tensor:
    """Factors that orthogonalise the matrices with Gram matrices `gram` (G, R, R), same shape."""
    a, b, c = QUINTIC
    identity = torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)
    factor = product = a * identity + b * gram + c * gram @ gram
    for _ in range(ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = a * identity + b * gram + c * gram @ gram
        product = factor @ product
    return product
