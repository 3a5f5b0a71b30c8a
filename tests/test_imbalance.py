"""Corrections for unequal classes, compared with values computed by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from emopipe.training.config import ImbalanceConfig
from emopipe.training.imbalance import class_correction, class_weights, draw_order, training_loss

PLAIN = {
    "class_weights": "none",
    "class_balanced_beta": 0.9,
    "logit_adjustment": 0.0,
    "resample_exponent": 0.0,
    "focal_gamma": 0.0,
}
COUNTS = torch.tensor([1, 3])


def config(**changes):
    return ImbalanceConfig(**PLAIN | changes)


def loss_of(probability, *, label=0, **changes):
    """The loss of one face of class `label`, predicted with `probability`."""
    p = torch.tensor([probability, 1 - probability]) if label == 0 else torch.tensor([1 - probability, probability])
    targets = F.one_hot(torch.tensor([label]), 2).float()
    return training_loss(p.log()[None], targets, class_correction(COUNTS, config(**changes))).item()


def test_without_corrections_the_loss_is_the_cross_entropy():
    assert loss_of(0.25) == pytest.approx(math.log(4))


def test_soft_targets_give_the_cross_entropy_of_torch():
    logits, targets = torch.randn(5, 3), torch.rand(5, 3).softmax(1)
    correction = class_correction(torch.tensor([4, 2, 1]), config())
    assert training_loss(logits, targets, correction).item() == pytest.approx(F.cross_entropy(logits, targets).item())


def test_inverse_weights_are_one_over_the_count_and_have_mean_one_over_the_faces():
    # 1/1 and 1/3, times 4 faces over (1 * 1 + 3 * 1/3) = 2
    assert class_weights(COUNTS, config(class_weights="inverse")).tolist() == pytest.approx([2, 2 / 3])
    assert loss_of(0.25, class_weights="inverse") == pytest.approx(2 * math.log(4))


def test_class_balanced_weights_are_one_over_the_effective_number():
    # E(1) = 1 and E(3) = 1 + 0.9 + 0.81 = 2.71; scaled by 4 / (1 / 1 + 3 / 2.71)
    scale = 4 / (1 + 3 / 2.71)
    weights = class_weights(COUNTS, config(class_weights="class_balanced"))
    assert weights.tolist() == pytest.approx([scale, scale / 2.71])


def test_an_empty_class_has_weight_zero():
    assert class_weights(torch.tensor([2, 0]), config(class_weights="inverse")).tolist() == [1, 0]


def test_logit_adjustment_adds_the_log_frequency_of_each_class():
    # p = (1/4, 3/4) times the shares (1/4, 3/4), made to add up to 1: (1/16) / (1/16 + 9/16) = 1/10
    assert loss_of(0.25, logit_adjustment=1.0) == pytest.approx(math.log(10))


def test_focal_loss_reduces_the_weight_of_confident_faces():
    assert loss_of(0.25, focal_gamma=2.0) == pytest.approx(0.75**2 * math.log(4))
    assert loss_of(0.9, focal_gamma=2.0) == pytest.approx(0.1**2 * math.log(1 / 0.9), rel=1e-4)


def test_focal_loss_has_a_finite_gradient_for_a_confident_network():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    training_loss(logits, torch.tensor([[1.0, 0.0]]), class_correction(COUNTS, config(focal_gamma=0.5))).backward()
    assert logits.grad.isfinite().all()


def test_without_resampling_each_face_is_drawn_once():
    labels = torch.tensor([0] * 5 + [1] * 20)
    assert sorted(draw_order(labels, 0.0, torch.Generator().manual_seed(0)).tolist()) == list(range(25))


@pytest.mark.parametrize(("resample_exponent", "share"), [(1.0, 0.5), (0.5, 0.25)])
def test_resampling_draws_a_class_by_a_power_of_its_count(resample_exponent, share):
    labels = torch.tensor([0] * 1000 + [1] * 9000)  # 1000^0.5 is a quarter of 1000^0.5 + 9000^0.5
    drawn = labels[draw_order(labels, resample_exponent, torch.Generator().manual_seed(0))]
    assert len(drawn) == 10_000
    assert (drawn == 0).float().mean().item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"class_weights": "inverse", "resample_exponent": 1.0}, "class_weights=inverse and resample_exponent=1"),
        ({"class_weights": "class_balanced", "logit_adjustment": 1.0}, "class_weights=class_balanced and logit_adj"),
        ({"logit_adjustment": 0.5, "resample_exponent": 0.5}, "logit_adjustment=0.5 and resample_exponent=0.5"),
    ],
)
def test_two_corrections_of_the_same_imbalance_are_an_error(changes, names):
    with pytest.raises(ValueError, match=f"^{names}.* correct the same imbalance more than once: keep one of them$"):
        config(**changes)
    config(focal_gamma=2.0, class_weights="inverse")  # focal loss weighs faces, not classes
