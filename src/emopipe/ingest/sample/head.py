"""Everything around the features: shoulders, neck, ears, the outline of the face, hair and beard."""

import numpy as np

from emopipe.ingest.sample.expressions import Expression
from emopipe.ingest.sample.identity import Identity
from emopipe.ingest.sample.shapes import ACROSS, ARCH, LEFT, RIGHT, Shape, between, curve, ellipse

_TURN = np.linspace(0.0, 2 * np.pi, 56, endpoint=False)
TOP = -1.02
JAW_TRAVEL = 0.13  # how far a fully dropped jaw lowers the chin


def draw_head(identity: Identity, expression: Expression, *, clothes: float) -> list[Shape]:
    """The shapes behind the features, from back to front; `clothes` is the tone of the shoulders."""
    chin = identity.chin + JAW_TRAVEL * expression.middle.jaw_drop
    neck = curve(np.array([-0.42, 0.42, 0.5, -0.5]), np.array([0.4, 0.4, 1.6, 1.6]))
    shoulders = between(1.6 * ACROSS, 1.55 - 0.3 * ARCH, np.full(ACROSS.shape, 2.5))
    shapes = [
        *_back_hair(identity),
        Shape(neck, 0.72 * identity.skin, lift=-0.3),
        Shape(shoulders, clothes, lift=-0.3),
    ]
    for side in (LEFT, RIGHT):
        ear = ellipse(side * (identity.face_width + 0.02), -0.05, 0.09, 0.19)
        shapes.append(Shape(ear, 0.86 * identity.skin, lift=-0.1))
    if identity.hair == "scarf":
        shapes.append(Shape(_outline(identity.face_width + 0.12, chin + 0.12, 0.3), identity.hair_tone))
    outline = _outline(identity.face_width, chin, identity.jaw_squareness)
    return [*shapes, Shape(outline, identity.skin, lift=0.15), *_beard(identity, outline, chin)]


def draw_hair(identity: Identity) -> list[Shape]:
    """Hair that hangs before the face."""
    if identity.hair == "none":
        return []
    height = identity.hairline + 0.03 * np.cos(3 * ACROSS)
    if identity.hair == "fringe":
        height = identity.hairline + 0.22 + 0.02 * np.sin(9 * ACROSS)
    elif identity.hair == "parted":
        height = identity.hairline - 0.06 + 0.28 * np.abs(ACROSS - 0.35)
    half = identity.face_width + 0.07
    temples = 0.45 * np.abs(ACROSS) ** 8
    skull = (TOP - 0.1) * ARCH**0.35
    cap = between(half * ACROSS, np.minimum(skull, height), height + temples)
    shapes = [Shape(cap, identity.hair_tone, "cover", lift=0.12)]
    if identity.hair == "long":
        for side in (LEFT, RIGHT):
            lock_x = side * np.array([half - 0.2, half, half + 0.17, half + 0.2, half - 0.06])
            lock = curve(lock_x, np.array([-0.75, -0.7, -0.3, 1.4, 1.4]))
            shapes.append(Shape(lock, identity.hair_tone, "cover", lift=0.1))
    return shapes


def _outline(half_width: float, chin: float, squareness: float) -> np.ndarray:
    """The face's outline (56, 2): half an ellipse above, a jaw between oval and square below."""
    cos, sin = np.cos(_TURN), np.sin(_TURN)
    roundness = np.where(sin > 0, 2.0 / (2.0 + 1.0 * squareness), 1.0)
    taper = 1 - 0.16 * np.maximum(sin, 0.0) * (1 - 0.6 * squareness)
    x = half_width * np.sign(cos) * np.abs(cos) ** roundness * taper
    y = np.where(sin > 0, chin * np.abs(sin) ** roundness, -TOP * sin)
    return curve(x, y)


def _back_hair(identity: Identity) -> list[Shape]:
    if identity.hair == "none":
        return []
    shapes = [Shape(ellipse(0, -0.25, identity.face_width + 0.12, 0.95), identity.hair_tone, lift=-0.1)]
    if identity.hair == "long":
        half = identity.face_width + 0.2
        fall = between(half * ACROSS, (TOP - 0.1) * ARCH**0.35, np.full(ACROSS.shape, 1.6))
        shapes.append(Shape(fall, 0.9 * identity.hair_tone, lift=-0.1))
    return shapes


def _beard(identity: Identity, outline: np.ndarray, chin: float) -> list[Shape]:
    if identity.beard == "none":
        return []
    hair, skin = identity.hair_tone, identity.skin
    lip = identity.mouth_height - identity.upper_lip - 0.05
    moustache = between(0.28 * ACROSS, lip - 0.06 * ARCH, np.full(ACROSS.shape, lip + 0.04))
    if identity.beard == "moustache":
        return [Shape(moustache, 0.7 * hair + 0.2 * skin, lift=0.05)]
    jaw = outline[outline[:, 1] > 0.15]
    jaw = jaw[np.argsort(jaw[:, 0])]
    inner = np.interp(jaw[:, 0], [-0.7, -0.32, 0, 0.32, 0.7], [0.1, 0.5, lip - 0.04, 0.5, 0.1])
    beard = between(jaw[:, 0], np.minimum(inner, jaw[:, 1]), jaw[:, 1])
    if identity.beard == "stubble":
        return [Shape(beard, 0.3 * (hair - skin), "shade", lift=0.15)]
    return [Shape(beard, 0.75 * hair + 0.2 * skin, lift=0.15)]
