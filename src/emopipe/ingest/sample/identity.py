"""A person: the shape of a face at rest, its tones, hair, beard and glasses.

Lengths are in face units: the origin lies between the eyes and the mouth, x to the right and y down as in the image,
and the chin of an average face is at y = 1. Tones are grey levels from 0 to 255.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

T = TypeVar("T")
Hair = Literal["none", "short", "parted", "fringe", "long", "scarf"]
Beard = Literal["none", "stubble", "moustache", "full"]
Glasses = Literal["none", "thin", "thick", "dark"]

_HAIR: dict[Hair, float] = {"none": 0.1, "short": 0.3, "parted": 0.18, "fringe": 0.14, "long": 0.22, "scarf": 0.06}
_BEARD: dict[Beard, float] = {"none": 0.78, "stubble": 0.1, "moustache": 0.05, "full": 0.07}
_GLASSES: dict[Glasses, float] = {"none": 0.84, "thin": 0.09, "thick": 0.06, "dark": 0.01}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One person."""

    face_width: float
    chin: float
    jaw_squareness: float
    hairline: float
    skin: float
    hair_tone: float
    hair: Hair
    beard: Beard
    glasses: Glasses
    age: float  # strength of resting creases, 0 to 1
    brow_height: float
    brow_length: float
    brow_thickness: float
    brow_arch: float
    brow_slope: float  # how much lower the inner end of the brow is than the outer, at rest
    eye_distance: float
    eye_width: float
    eye_opening: float
    iris: float
    nose_width: float
    nose_length: float
    mouth_height: float
    mouth_width: float
    mouth_curve: float  # how much lower than the middle the corners of the mouth are, at rest
    upper_lip: float
    lower_lip: float
    lip_contrast: float  # tone of the lips as a share of the skin's


def sample_identity(rng: np.random.Generator) -> Identity:
    """Sample a person."""
    skin = rng.uniform(85, 205)
    hair_tone = rng.uniform(15, 70) if rng.random() < 0.7 else rng.uniform(70, 210)
    return Identity(
        face_width=rng.uniform(0.68, 0.84),
        chin=rng.uniform(0.94, 1.06),
        jaw_squareness=rng.uniform(0.0, 1.0),
        hairline=rng.uniform(-0.9, -0.68),
        skin=skin,
        hair_tone=min(hair_tone, skin + 20),
        hair=_choose(_HAIR, rng),
        beard=_choose(_BEARD, rng),
        glasses=_choose(_GLASSES, rng),
        age=rng.uniform(0, 1) ** 2,
        brow_height=rng.normal(-0.43, 0.025),
        brow_length=rng.uniform(0.34, 0.42),
        brow_thickness=rng.uniform(0.045, 0.1),
        brow_arch=rng.uniform(0.01, 0.05),
        brow_slope=rng.normal(-0.01, 0.02),
        eye_distance=rng.uniform(0.3, 0.36),
        eye_width=rng.uniform(0.14, 0.18),
        eye_opening=rng.uniform(0.06, 0.09),
        iris=rng.uniform(15, 110),
        nose_width=rng.uniform(0.11, 0.18),
        nose_length=rng.uniform(0.2, 0.3),
        mouth_height=rng.uniform(0.5, 0.58),
        mouth_width=rng.uniform(0.24, 0.32),
        mouth_curve=rng.normal(0.0, 0.02),
        upper_lip=rng.uniform(0.035, 0.075),
        lower_lip=rng.uniform(0.05, 0.1),
        lip_contrast=rng.uniform(0.6, 0.85),
    )


def _choose(shares: dict[T, float], rng: np.random.Generator) -> T:
    names = list(shares)
    return names[rng.choice(len(names), p=list(shares.values()))]
