"""Strategy `morph`: two faces of a class are aligned by dense optical flow and blended.

Flow in both directions (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"), with a consistency check,
gives the intermediate face (Jiang et al. 2018, "Super SloMo", eq. 4). Where the aligned faces disagree only the nearer
one contributes, which avoids ghosting; pairs with little agreement are rejected.

Shapes: n faces of a class, k candidates, S side of an image, A side of the alignment, C channels.
"""

from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np

from emopipe.balance.feature_spaces import to_pixels
from emopipe.balance.params import BalanceParams
from emopipe.balance.strategy import Plan, Sample, Samples, SkippedSample, TrainFaces, sample_parents
from emopipe.vision.image_stats import MIRROR, measure

NUM_CANDIDATES = 10
"""k: nearest faces of the class, mirror images included, from which the partner is drawn."""
MIN_SHARE, MAX_SHARE = 0.3, 0.7
"""Share of the partner; outside of this range the result is a near-copy."""
ALIGNED_SIDE = 144
"""A, in pixels: optical flow needs more resolution than the faces have."""
MAX_FLOW_ERROR = 6.0
"""Scale of the forward-backward error, in pixels at A, at which agreement falls to 1/e."""
MAX_DIFFERENCE = 32.0
"""Scale of the difference of the aligned faces, in grey levels, at which agreement falls to 1/e."""
MIN_AGREEMENT = 0.3
"""Mean agreement, 0 to 1, below which a pair is rejected: the result is little more than the nearer face, warped."""
MAX_TRIES = 4
"""Partners tried per face."""
_BLUR = 3.0  # pixels at A; hides the edges of the weights


def morph(faces: TrainFaces, targets: Mapping[str, int], params: BalanceParams, rng: np.random.Generator) -> Plan:
    """Every face of a class is the first parent about equally often; a class of one face gets no samples."""

    @cache
    def partners_of(label: str) -> tuple[np.ndarray, np.ndarray]:
        return find_partners(faces.images[faces.rows_of(label)])

    def sample(num_missing: Mapping[str, int]) -> Samples:
        for label, num in num_missing.items():
            rows = faces.rows_of(label)
            if len(rows) < 2:
                yield SkippedSample(label=label, reason="not_drawn", num_rows=num)
                continue
            images = faces.images[rows]
            for position, seed in sample_parents(np.arange(len(rows)), num, rng):
                yield _morph_one(images, rows, label, position, partners_of(label), seed)

    return Plan(sample=sample)


def find_partners(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest others of each image, uint8 (n, S, S, C), n at least 2, by descriptor: position and whether
    mirrored, (n, k) each."""
    descriptors = measure(images).descriptors  # (n, F)
    similarity = np.stack([descriptors @ descriptors.T, descriptors @ (descriptors * MIRROR).T], axis=2)  # (n, n, 2)
    similarity[np.arange(len(images)), np.arange(len(images))] = -np.inf
    flat = similarity.reshape(len(images), -1)
    nearest = np.argsort(-flat, axis=1, kind="stable")[:, : min(NUM_CANDIDATES, 2 * (len(images) - 1))]
    return nearest // 2, nearest % 2 == 1


def _morph_one(
    images: np.ndarray,
    rows: np.ndarray,
    label: str,
    position: int,
    partners: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> Sample | SkippedSample:
    rng = np.random.default_rng(seed)
    positions, mirrored = (candidates[position] for candidates in partners)
    for candidate in rng.permutation(len(positions))[:MAX_TRIES]:
        share = float(rng.uniform(MIN_SHARE, MAX_SHARE))
        partner = images[positions[candidate]]
        partner = np.ascontiguousarray(partner[:, ::-1]) if mirrored[candidate] else partner
        pixels, agreement = blend(images[position], partner, share)
        if agreement >= MIN_AGREEMENT:
            op = f"morph({share:.3f}{', mirrored' if mirrored[candidate] else ''})"
            parents = (int(rows[position]), int(rows[positions[candidate]]))
            return Sample(parents=parents, label=label, op=op, seed=seed, pixels=pixels)
    return SkippedSample(label=label, reason="not_aligned")


def blend(first: np.ndarray, second: np.ndarray, share: float) -> tuple[np.ndarray, float]:
    """The face at `share` of the way from one uint8 (S, S, C) to another, and their mean agreement, 0 to 1."""
    start, end = _enlarge(first), _enlarge(second)
    end = (end - end.mean()) * (start.std() / max(end.std(), 1.0)) + start.mean()  # match brightness and contrast
    forward, backward = optical_flow(start, end), optical_flow(end, start)
    to_start = -(1 - share) * share * forward + share**2 * backward
    to_end = (1 - share) ** 2 * forward - share * (1 - share) * backward
    warped_start, warped_end = _warp(start, to_start), _warp(end, to_end)
    flow_error = np.linalg.norm(forward + _warp(backward, forward), axis=2)
    difference = cv2.GaussianBlur(np.abs(warped_start - warped_end).mean(axis=2), (0, 0), _BLUR)
    agreement = np.exp(-((flow_error / MAX_FLOW_ERROR) ** 2) - (difference / MAX_DIFFERENCE) ** 2)
    agreement = cv2.GaussianBlur(agreement, (0, 0), _BLUR)
    near, far = (warped_end, warped_start) if share > 0.5 else (warped_start, warped_end)
    far_weight = (min(share, 1 - share) * agreement)[:, :, None]
    blended = (1 - far_weight) * near + far_weight * far
    small = cv2.resize(blended, first.shape[1::-1], interpolation=cv2.INTER_AREA).reshape(first.shape)
    return to_pixels(small), float(agreement.mean())


def optical_flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Displacement of each pixel of `start` in `end`, float32 (A, A, 2), smoothed; both images float32 (A, A, C)."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [to_pixels(image.mean(axis=2)) for image in (start, end)]
    displacement: np.ndarray = dis.calc(greys[0], greys[1], np.zeros((*greys[0].shape, 2), np.float32))
    return cv2.GaussianBlur(displacement, (0, 0), _BLUR)


def _enlarge(image: np.ndarray) -> np.ndarray:
    size = (ALIGNED_SIDE, ALIGNED_SIDE)
    large = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return large.reshape(*size, image.shape[2])


def _warp(image: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """Backward warp of float32 (A, A, D) by a displacement (A, A, 2)."""
    x, y = np.meshgrid(*(np.arange(ALIGNED_SIDE, dtype=np.float32),) * 2)
    maps = (x + displacement[:, :, 0]).astype(np.float32), (y + displacement[:, :, 1]).astype(np.float32)
    warped = cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.reshape(image.shape)
