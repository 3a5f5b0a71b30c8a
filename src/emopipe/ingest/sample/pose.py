"""Pose of the head, and its projection from face units to pixels."""

from dataclasses import dataclass

import numpy as np

HALF_VIEW = 0.98  # half of the image's side, in face units, at scale 1
CENTRE_Y = 0.07  # height in face units that lies in the middle of an unshifted image
HEAD_DEPTH, HEAD_HALF_WIDTH, HEAD_HALF_HEIGHT = 0.75, 1.0, 1.3
"""Half axes of the ellipsoid on whose front the features lie."""
PIVOT = 0.4  # depth of the axes about which the head turns: near the face, because a crop follows it


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Angles in radians, shifts in face units."""

    yaw: float
    pitch: float
    roll: float
    scale: float
    shift_x: float
    shift_y: float


def sample_pose(rng: np.random.Generator) -> Pose:
    """Sample a pose, mostly frontal."""
    return Pose(
        yaw=float(np.clip(rng.normal(0, 0.2), -0.5, 0.5)),
        pitch=float(np.clip(rng.normal(0, 0.1), -0.25, 0.25)),
        roll=float(np.clip(rng.normal(0, 0.1), -0.3, 0.3)),
        scale=rng.uniform(0.9, 1.12),
        shift_x=rng.normal(0, 0.04),
        shift_y=rng.normal(0, 0.04),
    )


def project(points: np.ndarray, lift: np.ndarray, pose: Pose, side: int) -> np.ndarray:
    """Project points (K, 2), raised `lift` (K,) above the head, to pixels (K, 2) of an image of `side` pixels."""
    x, y = points[:, 0], points[:, 1]
    inside = np.maximum(0.0, 1 - (x / HEAD_HALF_WIDTH) ** 2 - (y / HEAD_HALF_HEIGHT) ** 2)
    z = HEAD_DEPTH * np.sqrt(inside) + lift - PIVOT
    turned_x = x * np.cos(pose.yaw) + z * np.sin(pose.yaw)
    turned_z = z * np.cos(pose.yaw) - x * np.sin(pose.yaw)
    turned_y = (y - CENTRE_Y) * np.cos(pose.pitch) - turned_z * np.sin(pose.pitch)
    cos, sin = np.cos(pose.roll), np.sin(pose.roll)
    rolled = np.stack([turned_x * cos - turned_y * sin + pose.shift_x, turned_x * sin + turned_y * cos + pose.shift_y])
    return (side / 2) * (1 + rolled.T * (pose.scale / HALF_VIEW))
