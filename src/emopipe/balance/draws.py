"""Random draws that several strategies share."""

import numpy as np


def drawn_equally(members: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """`num` of the row numbers `members`, int64 (num,), each equally often, give or take one, in random order."""
    rounds = [rng.permutation(members) for _ in range(-(-num // len(members)))] if num else []
    return np.concatenate([np.zeros(0, np.int64), *rounds])[:num]


def draw_seeds(num: int, rng: np.random.Generator) -> list[int]:
    """Seeds of the generators of `num` rows."""
    seeds: list[int] = rng.integers(2**63 - 1, size=num).tolist()
    return seeds
