"""The shapes of a drawn face: filled outlines in layers.

K is the number of points of an outline; points are (K, 2) arrays of x, y in face units.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Layer = Literal["paint", "cover", "crease", "shade"]
LEFT, RIGHT = -1.0, 1.0  # sides of the image, as the sign of x

ACROSS = np.linspace(-1.0, 1.0, 17)  # parameter of a curve from one end to the other
ARCH = 1.0 - ACROSS**2  # height of a parabola over `ACROSS`: 0 at its ends, 1 in the middle
_ROUND = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
CIRCLE: np.ndarray = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled outline.

    points: (K, 2). layer: `paint` fills with the grey level `tone`; `crease` and `shade` lighten or darken the paint by
    `tone` grey levels, with narrow and wide soft edges; `cover` paints and hides the creases and shades below. lift:
    height of the outline above the surface of the head, in face units.
    """

    points: np.ndarray
    tone: float
    layer: Layer = "paint"
    lift: float = 0.0


def curve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points (K, 2) from two coordinate arrays (K,)."""
    return np.stack([x, y], axis=1)


def between(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Outline (2 K, 2) of the area between two curves over the same x (K,)."""
    return np.stack([np.concatenate([x, x[::-1]]), np.concatenate([top, bottom[::-1]])], axis=1)


def stroke(points: np.ndarray, widths: np.ndarray | float) -> np.ndarray:
    """Outline (2 K, 2) of a gently bent brush stroke along `points` (K, 2), of the given width or widths (K,)."""
    along = points[-1] - points[0]
    normal = np.array([-along[1], along[0]]) / (2 * np.hypot(along[0], along[1]) + 1e-9)
    offset = np.broadcast_to(widths, len(points))[:, None] * normal
    return np.concatenate([points + offset, (points - offset)[::-1]])


def arc(start: tuple[float, float], end: tuple[float, float], bulge: float) -> np.ndarray:
    """A shallow arc (17, 2) from `start` to `end`, whose middle lies `bulge` to the left of the way."""
    x0, y0, x1, y1 = *start, *end
    share = (ACROSS + 1) / 2
    length = np.hypot(x1 - x0, y1 - y0) + 1e-9
    offset = bulge * ARCH / length
    return curve(x0 + share * (x1 - x0) + offset * (y1 - y0), y0 + share * (y1 - y0) - offset * (x1 - x0))


def ellipse(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
    """Outline (24, 2) of an upright ellipse."""
    return curve(x + half_width * CIRCLE[:, 0], y + half_height * CIRCLE[:, 1])


def ring(outline: np.ndarray, inner_share: float) -> np.ndarray:
    """The rim (2 K + 2, 2) between an outline (K, 2) and the same outline shrunk to `inner_share` of its size."""
    outer = np.concatenate([outline, outline[:1]])
    centre = outline.mean(axis=0)
    return np.concatenate([outer, (centre + inner_share * (outer - centre))[::-1]])
