"""Expressions as action units, after the Facial Action Coding System (Ekman, Friesen, Hager: FACS, 2002).

Each emotion has several prototypes, after EMFACS. A face shows one of them at a random intensity, each unit spread
around its mean, slightly asymmetric; so weak fear resembles weak surprise, as in photographs.
"""

from dataclasses import dataclass, fields

import numpy as np

MIN_INTENSITY, MAX_INTENSITY = 0.25, 1.15
INTENSITY_SHAPE = (2.2, 1.6)
"""Parameters of the beta distribution of intensity between its bounds: mostly clear, sometimes weak."""
RELATIVE_SPREAD = 0.22  # standard deviation of a unit's strength, as a share of its mean
RESTING_SPREAD = 0.07  # additional standard deviation of every unit, unrelated to the emotion
ASYMMETRY = 0.10  # standard deviation of the difference in strength between the two sides, as a share


@dataclass(frozen=True, kw_only=True)
class Units:
    """Strengths of action units on one side of a face: 0 at rest, 1 at full strength."""

    brow_inner_raise: float = 0.0  # AU1
    brow_outer_raise: float = 0.0  # AU2
    brow_lower: float = 0.0  # AU4: brows down and together
    lid_raise: float = 0.0  # AU5: eyes wide
    cheek_raise: float = 0.0  # AU6: lower lid pushed up, crow's feet
    lid_tighten: float = 0.0  # AU7: eyes narrow
    nose_wrinkle: float = 0.0  # AU9
    lip_raise: float = 0.0  # AU10: upper lip up
    corner_pull: float = 0.0  # AU12: smile
    corner_depress: float = 0.0  # AU15
    chin_raise: float = 0.0  # AU17: lower lip pushed up
    lip_stretch: float = 0.0  # AU20: mouth drawn wide and flat
    lip_tighten: float = 0.0  # AU23 and AU24: lips thin and pressed
    lips_part: float = 0.0  # AU25
    jaw_drop: float = 0.0  # AU26 and AU27
    eyes_close: float = 0.0  # AU43


UNIT_NAMES = tuple(field.name for field in fields(Units))

PROTOTYPES: dict[str, tuple[Units, ...]] = {
    "angry": (
        Units(brow_lower=1.0, lid_raise=0.25, lid_tighten=0.6, lip_tighten=0.9, chin_raise=0.2),
        Units(brow_lower=1.0, lid_tighten=0.6, lip_tighten=0.7, corner_depress=0.4, chin_raise=0.3),
        Units(brow_lower=1.0, lid_tighten=0.5, nose_wrinkle=0.3, lip_raise=0.4, lips_part=0.9, jaw_drop=0.5),
    ),
    "disgust": (
        Units(brow_lower=0.45, lid_tighten=0.5, nose_wrinkle=1.0, lip_raise=0.8, corner_depress=0.4, chin_raise=0.3),
        Units(brow_lower=0.4, cheek_raise=0.4, nose_wrinkle=1.0, lip_raise=1.0, lips_part=0.7, jaw_drop=0.2),
    ),
    "fear": (
        Units(
            brow_inner_raise=0.9, brow_outer_raise=0.3, brow_lower=0.5, lid_raise=0.9, lip_stretch=0.9, lips_part=0.6
        ),
        Units(
            brow_inner_raise=1.0,
            brow_outer_raise=0.4,
            brow_lower=0.5,
            lid_raise=1.0,
            lip_stretch=0.8,
            lips_part=1.0,
            jaw_drop=0.5,
        ),
    ),
    "happy": (
        Units(cheek_raise=0.6, corner_pull=0.9),
        Units(cheek_raise=0.8, corner_pull=1.0, lips_part=0.9, jaw_drop=0.15),
        Units(cheek_raise=0.9, lid_tighten=0.3, corner_pull=1.0, lips_part=1.0, jaw_drop=0.55),
    ),
    "sad": (
        Units(brow_inner_raise=0.9, brow_lower=0.3, corner_depress=0.9, chin_raise=0.4, eyes_close=0.25),
        Units(brow_inner_raise=0.6, corner_depress=1.0, chin_raise=0.6, eyes_close=0.15),
        Units(
            brow_inner_raise=0.9,
            brow_lower=0.5,
            cheek_raise=0.4,
            corner_depress=0.8,
            lip_stretch=0.3,
            lips_part=0.5,
            eyes_close=0.5,
        ),
    ),
    "surprise": (
        Units(brow_inner_raise=1.0, brow_outer_raise=1.0, lid_raise=0.8, lips_part=0.9, jaw_drop=0.9),
        Units(brow_inner_raise=0.9, brow_outer_raise=0.9, lid_raise=0.7, lips_part=0.6, jaw_drop=0.45),
    ),
    "neutral": (Units(),),
}
"""By emotion, equally frequent."""


@dataclass(frozen=True)
class Expression:
    """Action units of both sides, as seen in the image."""

    left: Units
    right: Units
    middle: Units  # mean of both sides, for what lies between them

    def side(self, sign: float) -> Units:
        """The units of the image's left side for a negative sign, else of its right side."""
        return self.left if sign < 0 else self.right


def sample_expression(label: str, rng: np.random.Generator) -> Expression:
    """Sample an expression of the emotion `label`, a key of `PROTOTYPES`."""
    prototypes = PROTOTYPES[label]
    prototype = prototypes[rng.integers(len(prototypes))]
    means = np.array([getattr(prototype, name) for name in UNIT_NAMES])
    intensity = MIN_INTENSITY + (MAX_INTENSITY - MIN_INTENSITY) * rng.beta(*INTENSITY_SHAPE)
    spread = RELATIVE_SPREAD * means * rng.standard_normal(means.size)
    rest = RESTING_SPREAD * np.abs(rng.standard_normal(means.size))
    strengths = intensity * (means + spread) + rest
    half_difference = ASYMMETRY / 2 * rng.standard_normal(means.size)
    left, right = strengths * (1 - half_difference), strengths * (1 + half_difference)
    return Expression(_units(left), _units(right), _units((left + right) / 2))


def _units(strengths: np.ndarray) -> Units:
    return Units(**dict(zip(UNIT_NAMES, np.clip(strengths, 0.0, 1.2).tolist(), strict=True)))
