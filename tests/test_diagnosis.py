"""Warnings about a training."""

import math

import pytest

from emopipe.training.diagnosis import fit_warnings, length_warning


def test_a_short_training_names_the_epochs_that_are_enough():
    assert length_warning(3, 3) == ["had only 9 steps in 3 epochs: raise train.epochs to at least 34"]
    assert length_warning(34, 3) == []


@pytest.mark.parametrize("val_loss", [math.log(3), 10.0, math.nan])
def test_a_model_without_knowledge_is_named(val_loss):
    (warning,) = fit_warnings(val_loss, 3, 1.0)
    assert warning.startswith(f"has not learnt: its validation loss, {val_loss:.3f}, is no lower than")
    assert fit_warnings(1.0, 3, 1.0) == []


@pytest.mark.parametrize("temperature", [0.05, 20.0])
def test_a_temperature_at_its_bound_is_named(temperature):
    (warning,) = fit_warnings(0.5, 3, temperature)
    assert warning.endswith(f"{temperature:g} is the bound")
