"""What the training set is made of: the train faces, and what a strategy adds to the smaller classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emopipe.balance.addition import Addition, Strategy
from emopipe.balance.augment import augment
from emopipe.balance.none import none
from emopipe.balance.oversample import oversample
from emopipe.errors import DataError
from emopipe.faces import Faces
from emopipe.images import decode_png, encode_png, pixel_digest
from emopipe.params import BalanceParams
from emopipe.training_set import COLUMNS, TrainingSet, require_train_only

STRATEGIES: dict[str, Strategy] = {"none": none, "oversample": oversample, "augment": augment}


def balance(faces: Faces, config: BalanceParams, *, seed: int) -> TrainingSet:
    """The real rows in the order of `faces`, then what the strategy adds; rows of val and test are not looked at.

    Raises `DataError` when train is empty, or when a synthetic picture equals a face.
    """
    train = faces.split("train").frame
    if train.empty:
        raise DataError("expected faces in train, got none: see ingest.split_map in params.yaml")
    ids, labels = train["id"].to_numpy(dtype=object), train["label"].to_numpy(dtype=str)
    pngs = train["png"].to_numpy(dtype=object)
    rng = np.random.default_rng(seed)
    added = STRATEGIES[config.strategy](labels, lambda index: decode_png(pngs[index]), config, rng)
    rows = [(name, (), "real", "none", 0, label, None) for name, label in zip(ids, labels, strict=True)]
    rows += [_row(addition, ids) for addition in added]
    training_set = TrainingSet(pd.DataFrame(rows, columns=list(COLUMNS)))
    require_train_only(training_set, faces)
    return training_set


def balance_report(training_set: TrainingSet, classes: Sequence[str], config: BalanceParams) -> dict[str, Any]:
    """What the strategy made of the train faces, ready for JSON."""
    num_synthetic = int(training_set.of("synthetic").sum())
    return {
        "strategy": config.strategy,
        "target_ratio": config.target_ratio,
        "before": _by_class(training_set.frame["label"][training_set.of("real")], classes),
        "after": _by_class(training_set.frame["label"], classes),
        "num_real": int(training_set.of("real").sum()),
        "num_repeated": int(training_set.of("repeated").sum()),
        "num_synthetic": num_synthetic,
        "share_synthetic": round(num_synthetic / len(training_set), 6),
    }


def _row(addition: Addition, ids: np.ndarray) -> tuple[Any, ...]:
    parents = tuple(ids[list(addition.parents)])
    if addition.pixels is None:
        return parents[0], parents, "repeated", addition.op, addition.seed, addition.label, None
    name, png = pixel_digest(addition.pixels), encode_png(addition.pixels)
    return name, parents, "synthetic", addition.op, addition.seed, addition.label, png


def _by_class(labels: pd.Series, classes: Sequence[str]) -> dict[str, int]:
    counted = labels.value_counts()
    return {name: int(counted.get(name, 0)) for name in classes}
