"""Corrections for unequal classes: class weights, logit adjustment, focal loss and resampling.

Shapes: N faces, K classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from emopipe.training.config import ImbalanceConfig

EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class ClassCorrection:
    """Terms of the loss that depend on the class counts.

    weights: float (K,), with mean 1 over the training faces. offsets: float (K,), added to the logits in training
    only. focal_gamma: exponent of the focal loss.
    """

    weights: Tensor
    offsets: Tensor
    focal_gamma: float


def class_correction(counts: Tensor, config: ImbalanceConfig) -> ClassCorrection:
    """The correction for classes with `counts` (K,) training faces; an empty class has weight 0."""
    return ClassCorrection(
        weights=class_weights(counts, config),
        offsets=config.logit_adjustment * (counts.clamp(min=1) / counts.sum()).log(),
        focal_gamma=config.focal_gamma,
    )


def class_weights(counts: Tensor, config: ImbalanceConfig) -> Tensor:
    """Weights float (K,) of classes with `counts` (K,), with mean 1 over the faces.

    `inverse`: 1 / n. `class_balanced`: 1 / E with the effective number E = (1 - beta^n) / (1 - beta) (Cui et al. 2019,
    "Class-Balanced Loss Based on Effective Number of Samples", eq. 2).
    """
    numbers = counts.double()
    if config.class_weights == "none":
        effective = torch.ones_like(numbers)
    elif config.class_weights == "inverse":
        effective = numbers
    else:
        beta = config.class_balanced_beta
        effective = (1 - beta**numbers) / (1 - beta)
    weights = torch.where(numbers > 0, 1 / effective, 0.0)
    return (weights * numbers.sum() / (weights * numbers).sum()).float()


def training_loss(logits: Tensor, targets: Tensor, correction: ClassCorrection) -> Tensor:
    """Mean loss, (), of logits (N, K) and targets (N, K), whose rows add up to 1.

    -sum_k w_k t_k (1 - p_k)^gamma log p_k with p = softmax(logits + offsets): cross-entropy, with the offsets
    tau * log(n_k / n) of Menon et al. 2021 ("Long-Tail Learning via Logit Adjustment", eq. 10) and the factor of Lin et
    al. 2017 ("Focal Loss for Dense Object Detection", eq. 4).
    """
    log_p = F.log_softmax(logits.float() + correction.offsets, dim=1)
    terms = correction.weights * targets * log_p
    if correction.focal_gamma > 0:
        rest = (1 - log_p.exp()).clamp(min=EPSILON)  # at 0, the gradient is infinite for a gamma below 1
        terms = terms * rest**correction.focal_gamma
    return -terms.sum(1).mean()


def draw_order(labels: Tensor, resample_exponent: float, generator: torch.Generator) -> Tensor:
    """Row numbers (N,) of one epoch, for `labels` int64 (N,), all on the CPU.

    With exponent 0 a permutation; else rows are drawn with replacement, class k in proportion to n_k^(1 - exponent).
    """
    if resample_exponent == 0:
        return torch.randperm(len(labels), generator=generator)
    counts = labels.bincount().double()
    return torch.multinomial(counts[labels] ** -resample_exponent, len(labels), replacement=True, generator=generator)
