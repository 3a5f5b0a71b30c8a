"""What the training set is made of: the train faces that a strategy keeps, and what it adds to the smaller classes.

train faces ──strategy──▶ plan ──fill◀──▶gate──▶ rows kept, rows lost ──▶ training set, report, page
                          (removes, makes)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from emopipe.balance.adasyn import adasyn
from emopipe.balance.augment import augment
from emopipe.balance.borderline_smote import borderline_smote
from emopipe.balance.deepsmote import deepsmote
from emopipe.balance.flow import flow
from emopipe.balance.morph import morph
from emopipe.balance.none import none
from emopipe.balance.oversample import oversample
from emopipe.balance.params import BalanceParams
from emopipe.balance.quality import quality
from emopipe.balance.rows import Addition, Plan, Strategy, TrainFaces
from emopipe.balance.sampling_rounds import Filled, fill
from emopipe.balance.smote import smote
from emopipe.balance.smote_enn import smote_enn
from emopipe.balance.synthetic_filter import Gate, build_gate
from emopipe.balance.targets import class_targets, num_missing
from emopipe.balance.undersample import undersample
from emopipe.core.errors import DataError
from emopipe.faces.png import encode_png, pixel_digest
from emopipe.faces.table import Faces
from emopipe.faces.training_set import COLUMNS, TrainingSet, require_train_only

STRATEGIES: dict[str, Strategy] = {
    "none": none,
    "oversample": oversample,
    "undersample": undersample,
    "augment": augment,
    "morph": morph,
    "smote": smote,
    "borderline_smote": borderline_smote,
    "adasyn": adasyn,
    "smote_enn": smote_enn,
    "deepsmote": deepsmote,
    "flow": flow,
}


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """The training set, and how it came about."""

    training_set: TrainingSet
    faces: TrainFaces
    plan: Plan
    targets: dict[str, int]
    missing: dict[str, int]
    """Rows that were to be added to each class: up to its target, within `max_added`."""
    filled: Filled
    quality: dict[str, dict[str, Any]]
    """Figures by class that has synthetic faces."""


def balance(faces: Faces, config: BalanceParams, *, size: int, seed: int) -> Balanced:
    """The real rows in the order of `faces`, then what the strategy adds; rows of val and test are not looked at.

    size: side of what networks see, in pixels. Raises `DataError` when train is empty, or when a synthetic picture
    equals a face.
    """
    train = faces.split("train").frame
    if train.empty:
        raise DataError("expected faces in train, got none: see ingest.split_map in params.yaml")
    seen = TrainFaces(train["label"].to_numpy(dtype=str), train["png"].tolist(), size)
    rng = np.random.default_rng(seed)
    targets = class_targets(seen.labels, config.target)
    plan = STRATEGIES[config.strategy](seen, targets, config, rng)
    stay = np.setdiff1d(np.arange(len(seen.labels)), list(plan.removed))
    missing = num_missing(seen.labels[stay], targets, config.max_added)

    @cache
    def gate() -> Gate:
        return build_gate(seen, config.synthetic_filter, seed=seed)

    filled = fill(plan.make, missing, gate, config.synthetic_filter, rng)
    training_set = _training_set(train, stay, filled.kept)
    require_train_only(training_set, faces)
    return Balanced(
        training_set=training_set,
        faces=seen,
        plan=plan,
        targets=targets,
        missing=missing,
        filled=filled,
        quality=quality(gate(), filled) if filled.judged else {},
    )


def _training_set(train: pd.DataFrame, stay: np.ndarray, added: Sequence[Addition]) -> TrainingSet:
    ids = train["id"].to_numpy(dtype=object)
    kept = train.iloc[stay]
    rows = [(name, (), "real", "none", 0, label, None) for name, label in zip(kept["id"], kept["label"], strict=True)]
    rows += [_row(addition, ids) for addition in added]
    return TrainingSet(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(addition: Addition, ids: np.ndarray) -> tuple[Any, ...]:
    parents = tuple(ids[list(addition.parents)])
    if addition.pixels is None:
        return parents[0], parents, "repeated", addition.op, addition.seed, addition.label, None
    name, png = pixel_digest(addition.pixels), encode_png(addition.pixels)
    return name, parents, "synthetic", addition.op, addition.seed, addition.label, png
