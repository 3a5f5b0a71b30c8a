"""Figures of the synthetic faces of each class beside those of its real ones.

Shapes: n faces of a class, F features of a descriptor, E embedding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from emopipe.balance.rows import Addition
from emopipe.balance.sampling_rounds import Filled
from emopipe.balance.synthetic_filter import Gate
from emopipe.vision.image_stats import measure


def quality(gate: Gate, filled: Filled) -> dict[str, dict[str, Any]]:
    """By class that has synthetic faces, ready for JSON.

    `num_made` and `num_kept` faces. `intended_made`, `intended_kept`, `intended_real`: share that the judge gives their
    class, of all that were judged, of those that were kept, and of real faces that it did not learn from.
    `nearest_kept`, `nearest_real`: median distance to the nearest (other) real face. `diversity_kept`,
    `diversity_real`: mean distance between two faces. `frechet`: between the kept and the real faces;
    `frechet_real`: between two halves of the real ones. Null where there are too few.
    """
    kept, judged = _by_class(filled.kept), _by_class(filled.judged)
    return {name: _of_class(gate, name, kept.get(name, []), made) for name, made in sorted(judged.items())}


def _by_class(rows: Sequence[Addition]) -> dict[str, list[np.ndarray]]:
    """Pictures of synthetic rows."""
    pictures: dict[str, list[np.ndarray]] = {}
    for row in rows:
        if row.pixels is not None:
            pictures.setdefault(row.label, []).append(row.pixels)
    return pictures


def _of_class(gate: Gate, name: str, kept: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> dict[str, Any]:
    members = gate.faces.members(name)
    real, described = gate.faces.stack[members], measure(kept).descriptors
    embedded = gate.judge.embed(real)
    real_distances = gate.nearest_of_real(members)
    return {
        "num_made": len(made),
        "num_kept": len(kept),
        "intended_made": _agreement(gate, name, made),
        "intended_kept": _agreement(gate, name, kept),
        "intended_real": _rounded(gate.judge.agreement(name, gate.judge.held_out[name])),
        "nearest_kept": _rounded(float(np.median(gate.nearest(described)[0]))) if kept else None,
        "nearest_real": _rounded(float(np.median(real_distances))),
        "diversity_kept": diversity(gate.centred(described)),
        "diversity_real": diversity(gate.descriptors[members]),
        "frechet": frechet(gate.judge.embed(kept), embedded),
        "frechet_real": frechet(embedded[::2], embedded[1::2]),
    }


def diversity(descriptors: np.ndarray) -> float | None:
    """Mean of 1 - cosine over all pairs of float (n, F) of unit length; None for fewer than two."""
    num = len(descriptors)
    if num < 2:
        return None
    total = float(np.square(descriptors.sum(axis=0)).sum()) - num  # of the cosines of two different ones
    return _rounded(1 - total / (num * (num - 1)))


def frechet(first: np.ndarray, second: np.ndarray) -> float | None:
    """Fréchet distance of two samples (n, E) taken as normal (Heusel et al. 2017, eq. 6); None for fewer than two."""
    if min(len(first), len(second)) < 2:
        return None
    a, b = (np.cov(sample, rowvar=False) for sample in (first.astype(np.float64), second.astype(np.float64)))
    shift = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    return _rounded(float(shift + np.trace(a) + np.trace(b) - 2 * roots))


def _agreement(gate: Gate, name: str, pictures: Sequence[np.ndarray]) -> float | None:
    if not pictures:
        return None
    return _rounded(gate.judge.agreement(name, gate.judge.probabilities(pictures)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
