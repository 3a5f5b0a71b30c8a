"""Class names, and the other names that data sets use for them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emopipe.core.errors import DataError
from emopipe.core.names import fold_name

FER2013_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The default classes, in the order of FER2013's integer labels."""
FER2013_CODES = {str(code): emotion for code, emotion in enumerate(FER2013_CLASSES)}
"""FER2013's integer labels. Other data sets number the same emotions in another order."""

_ALIASES = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "scared", "afraid"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised",),
    "neutral": ("neutrality", "normal"),
}


def label_lookup(classes: Sequence[str]) -> dict[str, str]:
    """Map every accepted name (`fold_name`) to its class in `classes`.

    Accepted are the class itself and all names of the same emotion: a folder `angry` counts as the class `anger`.
    """
    lookup = {}
    for emotion, aliases in _ALIASES.items():
        names = (emotion, *aliases)
        for name in classes:
            if fold_name(name) in names:
                lookup.update(dict.fromkeys(names, name))
    return lookup | {fold_name(name): name for name in classes}


def label_indices(labels: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Class names (N,) to their indices, int64 (N,); raises `DataError` for a name that is no class."""
    indices: np.ndarray = pd.Index(classes).get_indexer(pd.Index(labels))
    if (indices < 0).any():
        unknown = sorted(set(labels[indices < 0]))
        raise DataError(f"labels {unknown} are not among the model's classes {list(classes)}: run `dvc repro`")
    return indices.astype(np.int64)
