"""How many rows each class is to have."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from emopipe.balance.params import Target
from emopipe.core.errors import ParamsError


def class_targets(labels: np.ndarray, target: Target) -> dict[str, int]:
    """The rows that each class of `labels`, str (N,), is to have, by its name in alphabetical order.

    A share is of the largest class, rounded up. Classes that numbers by class leave out keep what they have.
    Raises `ParamsError` for a class that no face has.
    """
    sizes = dict(sorted(Counter(labels.tolist()).items()))
    if isinstance(target, Mapping):
        unknown = sorted(set(target) - set(sizes))
        if unknown:
            raise ParamsError(
                f"balance.target names {', '.join(unknown)}, expected classes of train: {', '.join(sizes)}"
            )
        return {name: target.get(name, size) for name, size in sizes.items()}
    return dict.fromkeys(sizes, _common(list(sizes.values()), target))


def _common(sizes: list[int], target: str | int | float) -> int:
    if target == "max":
        return max(sizes)
    if target == "mean":
        return round(sum(sizes) / len(sizes))
    if isinstance(target, int):
        return target
    return math.ceil(float(target) * max(sizes) - 1e-9)  # 0.07 * 100 is a little over 7


def num_missing(labels: np.ndarray, targets: Mapping[str, int], max_added: float) -> dict[str, int]:
    """How many rows each class lacks; where all of them were more than a share `max_added` of the rows, as many less.

    labels: of the rows that stay, str (N,).
    """
    sizes = Counter(labels.tolist())
    missing = {name: max(wanted - sizes[name], 0) for name, wanted in targets.items()}
    most = max_added / (1 - max_added) * len(labels)  # x of x + N rows is max_added
    share = min(1.0, most / max(sum(missing.values()), 1))
    return {name: int(share * lacking + 1e-9) for name, lacking in missing.items()}
