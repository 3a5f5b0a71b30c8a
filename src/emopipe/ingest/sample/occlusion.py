"""Occlusions of the face."""

import numpy as np

from emopipe.ingest.sample.identity import Identity
from emopipe.ingest.sample.shapes import ACROSS, LEFT, RIGHT, Shape, arc, curve, ellipse, stroke

STRAND_SHARE, HAND_SHARE, THING_SHARE = 0.05, 0.05, 0.03
"""Shares of images with a strand of hair, a hand at the chin, and an object held up."""


def sample_occlusion(identity: Identity, rng: np.random.Generator) -> list[Shape]:
    """Sample an occlusion, in most images none."""
    kind, side = rng.random(), LEFT if rng.random() < 0.5 else RIGHT
    place, turn = rng.uniform(-1, 1, size=2)
    if kind < STRAND_SHARE:
        return [_strand(identity, side, place, turn)]
    if kind < STRAND_SHARE + HAND_SHARE:
        return _hand(identity, side, place)
    if kind < STRAND_SHARE + HAND_SHARE + THING_SHARE:
        return [_thing(side, place, tone=128 + 110 * turn)]
    return []


def _strand(identity: Identity, side: float, place: float, length: float) -> Shape:
    line = arc((side * 0.15, -1.0), (side * (0.4 + 0.15 * place), 0.3 + 0.3 * length), 0.12 * side)
    return Shape(stroke(line, 0.09 * (1 - ACROSS / 2)), identity.hair_tone, "cover", lift=0.15)


def _thing(side: float, place: float, *, tone: float) -> Shape:
    corners = np.array([[-0.5, -0.25], [0.5, -0.25], [0.5, 0.25], [-0.5, 0.25]])
    return Shape(corners + np.array([side * 0.6, 0.75 + 0.3 * place]), tone, "cover", lift=0.3)


def _hand(identity: Identity, side: float, place: float) -> list[Shape]:
    x, y = side * (0.5 + 0.12 * place), 0.72 + 0.12 * place
    shapes = [Shape(ellipse(x + side * 0.12, y + 0.3, 0.24, 0.34), 0.95 * identity.skin, "cover", lift=0.3)]
    for finger in range(4):
        root = np.array([x - side * 0.08 + side * 0.12 * finger, y + 0.1])
        tip = root + np.array([-side * 0.06, -0.42 + 0.05 * abs(finger - 1)])
        line = curve(np.linspace(root[0], tip[0], 5), np.linspace(root[1], tip[1], 5))
        shapes.append(Shape(stroke(line, 0.125), 0.6 * identity.skin, "cover", lift=0.3))
        shapes.append(Shape(stroke(line, 0.1), 0.95 * identity.skin, "cover", lift=0.3))
    return shapes
