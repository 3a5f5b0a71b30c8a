"""Target number of rows of each class."""

import math
from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np

from emopipe.balance.params import Target
from emopipe.core.errors import ParamsError
from emopipe.core.names import fold_name


def class_targets(labels: np.ndarray, target: Target) -> dict[str, int]:
    """Target number of rows by class name, in alphabetical order; labels: str (N,).

    A share is relative to the largest class, rounded up. Classes that a mapping omits keep their size.
    Raises `ParamsError` for an unknown class, or one that is named twice.
    """
    sizes = dict(sorted(Counter(labels.tolist()).items()))
    if isinstance(target, Mapping):
        return sizes | _named_targets(sizes, target)
    return dict.fromkeys(sizes, _common_target(list(sizes.values()), target))


def _named_targets(classes: Collection[str], target: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a mapping, by the classes that its names stand for in any case and composition."""
    by_name = {fold_name(label): label for label in classes}
    unknown = sorted(name for name in target if fold_name(name) not in by_name)
    if unknown:
        raise ParamsError(f"balance.target names {', '.join(unknown)}, expected classes of train: {', '.join(classes)}")
    targets = {by_name[fold_name(name)]: number for name, number in target.items()}
    if len(targets) < len(target):
        raise ParamsError(f"balance.target names a class twice: {', '.join(target)}")
    return targets


def _common_target(sizes: list[int], target: str | int | float) -> int:
    if target == "max":
        return max(sizes)
    if target == "mean":
        return round(sum(sizes) / len(sizes))
    if isinstance(target, int):
        return target
    return math.ceil(float(target) * max(sizes) - 1e-9)  # 0.07 * 100 is slightly more than 7


def missing_rows(labels: np.ndarray, targets: Mapping[str, int], max_added: float) -> dict[str, int]:
    """Number of rows to add to each class, scaled down so that at most a share `max_added` of all rows is added.

    labels: of the rows that are kept, str (N,).
    """
    sizes = Counter(labels.tolist())
    missing = {label: max(target - sizes[label], 0) for label, target in targets.items()}
    limit = max_added / (1 - max_added) * len(labels)  # x of x + N rows is max_added
    scale = min(1.0, limit / max(sum(missing.values()), 1))
    return {label: int(scale * num + 1e-9) for label, num in missing.items()}
