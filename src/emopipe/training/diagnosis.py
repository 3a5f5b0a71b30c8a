"""Signs of a training that was too short, diverged, or cannot be calibrated, as sentences about the model."""

import math

from emopipe.training.calibration import is_at_bound

MIN_STEPS = 100
"""Optimiser steps below which networks have hardly begun to learn."""


def length_warning(num_epochs: int, steps_per_epoch: int) -> list[str]:
    """At most one sentence, for a training of fewer than `MIN_STEPS` steps."""
    num_steps = num_epochs * steps_per_epoch
    if num_steps >= MIN_STEPS:
        return []
    enough = math.ceil(MIN_STEPS / steps_per_epoch)
    return [f"had only {num_steps} steps in {num_epochs} epochs: raise train.epochs to at least {enough}"]


def fit_warnings(val_loss: float, num_classes: int, temperature: float) -> list[str]:
    """For a validation loss no lower than that of equal probabilities, and for a temperature at its bound."""
    found, chance = [], math.log(num_classes)
    if not val_loss < chance:  # also for nan
        found.append(
            f"has not learnt: its validation loss, {val_loss:.3f}, is no lower than that of equal probabilities, "
            f"{chance:.3f}; lower train.learning_rate, or raise train.epochs"
        )
    if is_at_bound(temperature):
        found.append(
            f"is not calibrated: no temperature makes its mean confidence on validation equal its accuracy, "
            f"{temperature:g} is the bound"
        )
    return found
