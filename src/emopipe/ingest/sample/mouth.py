"""Nose, mouth, and the folds between them."""

from dataclasses import dataclass

import numpy as np

from emopipe.ingest.sample.expressions import Expression, Units
from emopipe.ingest.sample.identity import Identity
from emopipe.ingest.sample.shapes import ACROSS, ARCH, LEFT, RIGHT, Shape, arc, between, ellipse, stroke

NOSE_TOP = -0.16
_OUTWARD = np.abs(ACROSS)


def draw_mouth(identity: Identity, expression: Expression) -> list[Shape]:
    """Nose, mouth, and the folds between them."""
    lips = _place_lips(identity, expression)
    shapes = _nose(identity, expression)
    for side in (LEFT, RIGHT):
        shapes.append(_fold(identity, expression.side(side), lips, side))
    return shapes + _chin_shading(identity, expression.middle, lips) + _mouth(identity, expression.middle, lips)


def _nose(identity: Identity, expression: Expression) -> list[Shape]:
    units, half = expression.middle, identity.nose_width
    lift = 0.05 * units.nose_wrinkle + 0.02 * units.lip_raise
    tip = NOSE_TOP + 0.1 + identity.nose_length - lift
    flare = half * (1 + 0.15 * units.nose_wrinkle + 0.08 * units.corner_pull)
    shapes = [
        Shape(ellipse(0, tip - 0.03, 0.07, 0.06), 34, "shade", lift=0.16),
        Shape(ellipse(0, 0.5 * (NOSE_TOP + tip), 0.035, 0.16), 26, "shade", lift=0.1),
        Shape(ellipse(0, tip + 0.07, 0.9 * half, 0.04), -34, "shade"),
    ]
    for side in (LEFT, RIGHT):
        wing = arc((side * flare, tip - 0.05), (side * 0.75 * flare, tip + 0.055), -0.035 * side)
        flank = arc((side * 0.06, NOSE_TOP - 0.08), (side * 0.8 * flare, tip - 0.06), 0.0)
        nostril = ellipse(side * 0.5 * flare, tip + 0.035, 0.033, 0.018)
        shapes += [
            Shape(stroke(wing, 0.028), -60, "crease", lift=0.06),
            Shape(stroke(flank, 0.05), -22, "shade", lift=0.04),
            Shape(nostril, 0.3 * identity.skin, lift=0.1),
        ]
        for height in (-0.02, 0.05):
            wrinkle = arc((side * 0.015, NOSE_TOP - 0.1 + height), (side * 0.1, NOSE_TOP - 0.04 + height), 0.0)
            shapes.append(Shape(stroke(wrinkle, 0.02), -75 * expression.side(side).nose_wrinkle, "crease", lift=0.06))
    return shapes


@dataclass(frozen=True)
class _Lips:
    """Curves of the mouth, each (17,), from its left to its right corner."""

    x: np.ndarray
    top: np.ndarray
    upper: np.ndarray
    """Lower edge of the upper lip."""
    lower: np.ndarray
    """Upper edge of the lower lip."""
    bottom: np.ndarray


def _place_lips(identity: Identity, expression: Expression) -> _Lips:
    units = expression.middle
    rounding = 0.3 * units.jaw_drop * max(0.0, 1 - units.corner_pull - units.lip_stretch - 0.7 * units.lip_raise)
    half = identity.mouth_width * (1 + 0.22 * units.corner_pull + 0.28 * units.lip_stretch)
    half *= 1 - 0.1 * units.lip_tighten - rounding
    middle = identity.mouth_height - 0.05 * units.chin_raise - 0.03 * units.lip_raise + 0.03 * units.corner_pull
    seam = middle + np.where(ACROSS < 0, _corner(identity, expression.left), _corner(identity, expression.right))
    squareness = 2.0 + 4.0 * units.lip_stretch + 2.0 * units.lip_raise
    open_arch = 1.0 - _OUTWARD**squareness
    upper = seam - (0.03 * units.lips_part + 0.06 * units.lip_raise + 0.03 * units.jaw_drop) * open_arch
    gape = (0.055 + 0.05 * units.lip_stretch + 0.05 * units.corner_pull) * units.lips_part + 0.3 * units.jaw_drop
    lower = seam + gape * open_arch
    thin = 1 - 0.75 * min(1.0, units.lip_tighten) - 0.2 * units.corner_pull
    bow = 1 - 0.25 * np.exp(-((ACROSS / 0.12) ** 2))
    top = upper - identity.upper_lip * (thin - 0.25 * units.lip_raise) * ARCH**0.7 * bow - 0.006
    bottom = lower + identity.lower_lip * (thin + 0.15 * units.chin_raise) * ARCH**0.8 + 0.006
    return _Lips(half * ACROSS, top, upper, lower, bottom)


def _corner(identity: Identity, units: Units) -> np.ndarray:
    """How much lower than its middle the seam of the mouth lies (17,)."""
    pulled = (identity.mouth_curve - 0.17 * units.corner_pull) * _OUTWARD**1.7
    return pulled + (0.14 * units.corner_depress + 0.05 * units.lip_stretch) * _OUTWARD**2.2


def _mouth(identity: Identity, units: Units, lips: _Lips) -> list[Shape]:
    lip_tone = identity.lip_contrast * identity.skin
    gap = lips.lower - lips.upper
    shown = min(1.0, units.corner_pull + units.lip_raise + 0.6 * units.lip_stretch + 0.2)
    teeth = np.minimum(gap, 0.1 * shown)
    low_teeth = np.minimum(gap - teeth, 0.06 * min(1.0, units.lip_stretch + 0.6 * units.lip_raise))
    shapes = [
        Shape(between(lips.x, lips.top, lips.upper + 0.004), 0.92 * lip_tone, lift=0.04),
        Shape(between(lips.x, lips.lower - 0.004, lips.bottom), lip_tone, lift=0.04),
        Shape(between(lips.x, lips.upper, np.maximum(lips.lower, lips.upper)), 28, lift=0.02),
    ]
    if gap.max() > 0.03:
        shapes += [
            Shape(between(lips.x, lips.upper, lips.upper + teeth), 150 + 0.35 * identity.skin, lift=0.02),
            Shape(between(lips.x, lips.lower - low_teeth, lips.lower), 130 + 0.3 * identity.skin, lift=0.02),
        ]
    seam = np.stack([lips.x * 1.06, 0.5 * (lips.upper + lips.lower)], axis=1)
    press = 0.016 + 0.012 * min(1.0, units.lip_tighten)
    if gap.max() < 0.05:
        shapes.append(Shape(stroke(seam, press), 0.3 * identity.skin, lift=0.04))
    return shapes


def _fold(identity: Identity, units: Units, lips: _Lips, side: float) -> Shape:
    """The nasolabial fold, from the wing of the nose around the corner of the mouth."""
    corner = 0 if side < 0 else -1
    strength = max(0.9 * units.corner_pull, 0.9 * units.nose_wrinkle, 0.8 * units.lip_raise, 0.5 * units.lip_stretch)
    start = (side * (identity.nose_width + 0.03), 0.12 - 0.04 * units.nose_wrinkle)
    end = (float(lips.x[corner]) + side * 0.08, float(lips.upper[corner]) - 0.02)
    line = arc(start, end, side * (0.02 + 0.05 * units.corner_pull))
    return Shape(stroke(line, 0.03), -10 - 22 * identity.age - 48 * strength, "crease")


def _chin_shading(identity: Identity, units: Units, lips: _Lips) -> list[Shape]:
    below = float(lips.bottom.max()) + 0.06
    shapes = [Shape(ellipse(0, below, 0.16, 0.035), -22 - 24 * units.chin_raise, "shade")]
    for side in (LEFT, RIGHT):
        corner = (float(lips.x[0 if side < 0 else -1]), float(lips.upper[0 if side < 0 else -1]))
        droop = arc((corner[0] + side * 0.02, corner[1]), (corner[0] + side * 0.07, corner[1] + 0.11), 0.02 * side)
        depth = -8 * identity.age - 45 * units.corner_depress - 25 * units.lip_stretch
        shapes.append(Shape(stroke(droop, 0.026), depth, "crease"))
    return shapes
