"""Muon: momentum whose step is made orthogonal, for the weight matrices of hidden layers.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". torch's own takes no convolutions, and
computes in bfloat16, which processors without it do slowly.
Shapes: O outputs, I inputs times kernel positions, R the smaller of the two, G matrices of one R.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 4
SMALLEST = 1e-7
MATCHED = 0.2  # root mean square of an AdamW step, which makes one learning rate fit both (Liu et al. 2025, Moonlight)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; convolutions are matrices (O, I)."""

    def __init__(self, params: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update of all that has a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            matrices = [self._ahead(weight, weight.grad, group["momentum"]) for weight in weights]
            for weight, matrix in zip(weights, orthogonal(matrices), strict=True):
                direction = matrix.view_as(weight.movedim(1, -1)).movedim(-1, 1)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(direction, alpha=-group["lr"] * MATCHED * max(matrix.shape) ** 0.5)

    def _ahead(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov's momentum as a matrix (O, I), with channels last, as the weights lie in memory."""
        mean = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        mean.lerp_(gradient, 1 - momentum)
        return gradient.lerp(mean, momentum).movedim(1, -1).flatten(1)


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Float matrices (O, I) with the same singular vectors each, and singular values near 1.

    Newton-Schulz iterations with the coefficients of the source, four where it has five: values above 0.006 of a
    matrix's norm end between 0.7 and 1.2, smaller ones below. They are iterated on the products of the matrices with
    their own transposes, (R, R), those of one size together: the same result in a fraction of the time.
    """
    units = [matrix / (matrix.norm() + SMALLEST) for matrix in matrices]
    by_size: dict[int, list[int]] = {}
    for place, unit in enumerate(units):
        by_size.setdefault(min(unit.shape), []).append(place)
    found = [torch.empty(0)] * len(units)
    for places in by_size.values():
        products = _iterate(torch.stack([_gram(units[place]) for place in places]))
        for place, product in zip(places, products, strict=True):
            unit = units[place]
            found[place] = product @ unit if len(product) == len(unit) else unit @ product
    return found


def _gram(unit: Tensor) -> Tensor:
    """The smaller product of (O, I) with its own transpose, (R, R)."""
    return unit @ unit.T if unit.shape[0] <= unit.shape[1] else unit.T @ unit


def _iterate(gram: Tensor) -> Tensor:
    """What to multiply the units with whose products are `gram` (G, R, R), same shape."""
    a, b, c = QUINTIC
    identity = torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)
    factor = product = a * identity + b * gram + c * gram @ gram
    for _ in range(ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = a * identity + b * gram + c * gram @ gram
        product = factor @ product
    return product
