"""Strategy `morph`: two faces of one class, brought into line by dense optical flow, become one between them.

Flow both ways (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"), checked forth and back, leads to
the face in between (Jiang et al. 2018, "Super SloMo", eq. 4). Where the two do not agree only the nearer face is
shown, so that no ghost appears; pairs that agree too little are refused.

Shapes: S side of a picture, A side at which faces are aligned, C channels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emopipe.balance.draws import draw_seeds, drawn_equally
from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Addition, Missing, Plan, SkippedSample, TrainFaces
from emopipe.balance.spaces import to_pixels
from emopipe.vision.image_stats import MIRROR, measure

NUM_NEIGHBOURS = 10
"""Faces of the class, mirror images among them, from which a face's partner is drawn."""
LEAST, MOST = 0.3, 0.7
"""Share of the partner: nearer to either end it would be a copy."""
ALIGNED_SIDE = 144
"""A, in pixels: the flow finds little in less."""
MAX_RETURN = 6.0
"""Pixels, at A, by which forth and back may miss the start."""
MAX_DIFFERENCE = 32.0
"""Grey levels by which the aligned faces may differ and be blended alike."""
MIN_AGREEMENT = 0.3
"""Mean agreement, 0 to 1, below which a pair is refused: it would show little but the nearer face, warped."""
MAX_TRIES = 4
"""Partners that are tried for a face."""
_SMOOTHED = 3.0  # pixels, at A: the weights' edges must not show


@dataclass(frozen=True, kw_only=True)
class Partners:
    """For each face of a class, by position, its nearest others, int64 (n, k), and whether mirrored, (n, k)."""

    positions: np.ndarray
    mirrored: np.ndarray


def morph(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Each face of a class is the first parent equally often; a class of one face gets no rows."""
    partners: dict[str, Partners] = {}

    def make(missing: Missing, rng: np.random.Generator) -> Iterator[Addition | SkippedSample]:
        for name, lacking in missing.items():
            members = faces.members(name)
            if lacking and len(members) < 2:
                yield SkippedSample(label=name, reason="not_drawn", num_rows=lacking)
            elif lacking:
                partners[name] = partners.get(name) or find_partners(faces.stack[members])
                positions = drawn_equally(np.arange(len(members)), lacking, rng).tolist()
                for position, seed in zip(positions, draw_seeds(lacking, rng), strict=True):
                    yield _row(faces, name, members, partners[name], position, seed)

    return Plan(make=make)


def find_partners(pictures: np.ndarray) -> Partners:
    """The most similar of the pictures uint8 (n, S, S, C), n at least 2, by their slowest waves."""
    waves = measure(pictures).descriptors  # (n, F)
    similarity = np.stack([waves @ waves.T, waves @ (waves * MIRROR).T], axis=2)  # (n, n, 2)
    similarity[np.arange(len(waves)), np.arange(len(waves))] = -np.inf
    flat = similarity.reshape(len(waves), -1)
    nearest = np.argsort(-flat, axis=1, kind="stable")[:, : min(NUM_NEIGHBOURS, 2 * (len(waves) - 1))]
    return Partners(positions=nearest // 2, mirrored=nearest % 2 == 1)


def _row(
    faces: TrainFaces, name: str, members: np.ndarray, partners: Partners, position: int, seed: int
) -> Addition | SkippedSample:
    rng = np.random.default_rng(seed)
    for place in rng.permutation(partners.positions.shape[1])[:MAX_TRIES].tolist():
        share = float(rng.uniform(LEAST, MOST))
        first, second = members[position], members[partners.positions[position, place]]
        mirrored = bool(partners.mirrored[position, place])
        other = faces.stack[second][:, ::-1] if mirrored else faces.stack[second]
        pixels, agreement = blend(faces.stack[first], np.ascontiguousarray(other), share)
        if agreement >= MIN_AGREEMENT:
            op = f"morph({share:.3f}{', mirrored' if mirrored else ''})"
            return Addition(parents=(int(first), int(second)), label=name, op=op, seed=seed, pixels=pixels)
    return SkippedSample(label=name, reason="not_aligned")


def blend(first: np.ndarray, second: np.ndarray, share: float) -> tuple[np.ndarray, float]:
    """The face at `share` of the way from one uint8 (S, S, C) to another, and how far the two agree, 0 to 1."""
    start, end = _enlarged(first), _enlarged(second)
    end = (end - end.mean()) * (start.std() / max(end.std(), 1.0)) + start.mean()  # in the light of the first
    forth, back = flow(start, end), flow(end, start)
    to_start = -(1 - share) * share * forth + share**2 * back
    to_end = (1 - share) ** 2 * forth - share * (1 - share) * back
    seen_start, seen_end = _moved(start, to_start), _moved(end, to_end)
    astray = np.linalg.norm(forth + _moved(back, forth), axis=2)
    unlike = cv2.GaussianBlur(np.abs(seen_start - seen_end).mean(axis=2), (0, 0), _SMOOTHED)
    agree = np.exp(-((astray / MAX_RETURN) ** 2) - (unlike / MAX_DIFFERENCE) ** 2)
    agree = cv2.GaussianBlur(agree, (0, 0), _SMOOTHED)
    near_is_end = share > 0.5
    far_weight = (min(share, 1 - share) * agree)[:, :, None]
    near, far = (seen_end, seen_start) if near_is_end else (seen_start, seen_end)
    mixed = (1 - far_weight) * near + far_weight * far
    small = cv2.resize(mixed, first.shape[1::-1], interpolation=cv2.INTER_AREA).reshape(first.shape)
    return to_pixels(small), float(agree.mean())


def flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Where each pixel of `start` is in `end`, as a displacement float32 (A, A, 2); both float32 (A, A, C)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [to_pixels(picture.mean(axis=2)) for picture in (start, end)]
    found: np.ndarray = search.calc(greys[0], greys[1], np.zeros((*greys[0].shape, 2), np.float32))
    return cv2.GaussianBlur(found, (0, 0), _SMOOTHED)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    size = (ALIGNED_SIDE, ALIGNED_SIDE)
    large = cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return large.reshape(*size, picture.shape[2])


def _moved(picture: np.ndarray, by: np.ndarray) -> np.ndarray:
    """`picture` float32 (A, A, D), each pixel fetched from where `by` (A, A, 2) points."""
    x, y = np.meshgrid(*(np.arange(ALIGNED_SIDE, dtype=np.float32),) * 2)
    at = (x + by[:, :, 0]).astype(np.float32), (y + by[:, :, 1]).astype(np.float32)
    moved = cv2.remap(picture, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.reshape(picture.shape)
