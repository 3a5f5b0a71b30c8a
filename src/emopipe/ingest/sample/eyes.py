"""Brows, eyes, and the creases around them."""

import numpy as np

from emopipe.ingest.sample.expressions import Expression, Units
from emopipe.ingest.sample.identity import Identity
from emopipe.ingest.sample.shapes import (
    ACROSS,
    ARCH,
    CIRCLE,
    LEFT,
    RIGHT,
    Shape,
    arc,
    between,
    curve,
    ellipse,
    ring,
    stroke,
)

EYE_HEIGHT = -0.2
IRIS_RADIUS = 0.078
_ROUND_ARCH = ARCH**0.75
_FROM_INNER = (ACROSS + 1) / 2  # 0 at the inner end of a brow or an eye, 1 at the outer end


def draw_eyes(identity: Identity, expression: Expression, gaze: tuple[float, float]) -> list[Shape]:
    """Both eyes, looking `gaze` (x, y in face units) away from straight ahead, the brows, and the creases around."""
    shapes = []
    for side in (LEFT, RIGHT):
        units = expression.side(side)
        shapes += _surroundings(identity, units, side)
        shapes += _eye(identity, units, side, gaze)
        shapes.append(_brow(identity, units, side))
    return shapes + _forehead(identity, expression.middle) + _glasses(identity)


def _brow(identity: Identity, units: Units, side: float) -> Shape:
    inner = _FROM_INNER[::-1] ** 1.4
    length = identity.brow_length
    start = identity.eye_distance - 0.53 * length - 0.07 * units.brow_lower
    y = (
        identity.brow_height
        - identity.brow_arch * np.sin(np.pi * _FROM_INNER**1.2)
        + identity.brow_slope * inner
        - 0.15 * units.brow_inner_raise * inner
        - 0.15 * units.brow_outer_raise * np.sin(np.pi * (0.12 + 0.75 * _FROM_INNER))
        + units.brow_lower * (0.05 + 0.13 * inner)
        + 0.05 * units.nose_wrinkle
    )
    widths = identity.brow_thickness * np.minimum(1.0, 0.55 + 2 * _FROM_INNER) * (1.0 - 0.75 * _FROM_INNER**2)
    tone = 0.75 * identity.hair_tone + 0.15 * identity.skin
    points = curve(side * (start + length * _FROM_INNER), y)
    return Shape(stroke(points, widths), min(tone, 0.75 * identity.skin), lift=0.03)


def _lids(identity: Identity, units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Heights y (17,) of the upper and the lower lid, from the inner to the outer corner."""
    opening = identity.eye_opening
    awake = 1.0 - 0.95 * min(units.eyes_close, 1.0)
    upper = opening * (1 + 0.75 * units.lid_raise) * (1 - 0.3 * units.lid_tighten) * awake
    inner_drop = 0.45 * units.brow_lower * (1 - 0.5 * units.lid_raise)
    outer_drop = 0.45 * units.brow_inner_raise * (1 - min(1.0, units.lid_raise))
    tilt = 1 - inner_drop * _FROM_INNER[::-1] - outer_drop * _FROM_INNER
    lower = opening * (0.62 + 0.3 * units.lid_raise) * (1 - 0.9 * units.cheek_raise - 0.5 * units.lid_tighten)
    lower = lower - 0.3 * opening * units.nose_wrinkle
    upper_y = EYE_HEIGHT - upper * tilt * _ROUND_ARCH
    lower_y = EYE_HEIGHT + lower * _ROUND_ARCH
    return upper_y, np.maximum(lower_y, upper_y + 0.006)


def _eye(identity: Identity, units: Units, side: float, gaze: tuple[float, float]) -> list[Shape]:
    x = side * (identity.eye_distance + identity.eye_width * ACROSS)
    upper, lower = _lids(identity, units)

    def within(centre_x: float, radius: float) -> np.ndarray:
        """A disc, cut off where the lids cover it."""
        disc = CIRCLE * radius + np.array([centre_x, EYE_HEIGHT - 0.008 + gaze[1]])
        place = side * disc[:, 0]
        top = np.interp(place, side * x, upper)
        return curve(disc[:, 0], np.clip(disc[:, 1], top, np.interp(place, side * x, lower)))

    centre = side * identity.eye_distance + gaze[0]
    lash_tone = min(0.4 * identity.skin, 50.0)
    return [
        Shape(between(x, upper, lower), 150 + 0.35 * identity.skin),
        Shape(within(centre, IRIS_RADIUS), identity.iris),
        Shape(within(centre, 0.5 * IRIS_RADIUS), 0.3 * identity.iris),
        Shape(within(centre - 0.02, 0.18 * IRIS_RADIUS), 235),
        Shape(stroke(curve(x, upper - 0.008), 0.014 + 0.022 * ARCH), lash_tone),
        Shape(stroke(curve(x, lower + 0.004), 0.012), 0.62 * identity.skin),
    ]


def _surroundings(identity: Identity, units: Units, side: float) -> list[Shape]:
    centre, age = side * identity.eye_distance, identity.age
    outer = side * (identity.eye_distance + identity.eye_width)
    inner = side * (identity.eye_distance - identity.eye_width)
    squint = max(units.cheek_raise, 0.6 * units.lid_tighten)
    bag = arc((inner, EYE_HEIGHT + 0.07), (outer, EYE_HEIGHT + 0.06), -0.055 * side)
    shapes = [
        Shape(ellipse(centre, EYE_HEIGHT - 0.09, 0.19, 0.1), -16 - 14 * units.brow_lower, "shade"),
        Shape(stroke(bag, 0.03), -8 - 22 * age - 34 * squint, "crease"),
        Shape(ellipse(centre * 1.15, 0.12, 0.17, 0.12), 6 + 20 * units.cheek_raise, "shade"),
    ]
    for rise in (-0.05, 0.0, 0.05):
        foot = arc((outer + side * 0.03, EYE_HEIGHT + rise / 2), (outer + side * 0.14, EYE_HEIGHT + 1.6 * rise), 0.0)
        shapes.append(Shape(stroke(foot, 0.016), -10 * age - 38 * units.cheek_raise, "crease"))
    return shapes


def _forehead(identity: Identity, units: Units) -> list[Shape]:
    raised = max(units.brow_inner_raise, units.brow_outer_raise)
    spread = 0.18 + 0.27 * min(1.0, units.brow_outer_raise + identity.age)
    shapes = []
    for height in (-0.58, -0.67):
        line = arc((-spread, height), (spread, height), 0.03)
        shapes.append(Shape(stroke(line, 0.022), -22 * identity.age - 34 * raised, "crease"))
    for side in (LEFT, RIGHT):
        frown = arc((side * 0.05, -0.3), (side * 0.06, -0.5), 0.02 * side)
        shapes.append(Shape(stroke(frown, 0.026), -10 * identity.age - 60 * units.brow_lower, "crease"))
    return shapes


def _glasses(identity: Identity) -> list[Shape]:
    if identity.glasses == "none":
        return []
    width = 0.018 if identity.glasses == "thin" else 0.04
    tone = 35.0
    shapes = [Shape(stroke(arc((-0.1, -0.22), (0.1, -0.22), 0.03), width), tone, lift=0.12)]
    for side in (LEFT, RIGHT):
        rim = ellipse(side * identity.eye_distance, EYE_HEIGHT + 0.02, 0.23, 0.165)
        if identity.glasses == "dark":
            shapes.append(Shape(rim, tone, "cover", lift=0.06))
        temple = arc((side * (identity.eye_distance + 0.22), -0.22), (side * 0.85, -0.26), 0.0)
        shapes += [Shape(ring(rim, 1 - 5 * width), tone, lift=0.06), Shape(stroke(temple, width), tone)]
    return shapes
