"""The training set: the train faces that a strategy keeps, and the rows that it adds to the smaller classes.

train faces ──strategy──▶ plan ──rounds of sampling and filtering──▶ kept rows, rejected rows ──▶ training set, report
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from emopipe.balance.augment import augment
from emopipe.balance.flow import flow
from emopipe.balance.morph import morph
from emopipe.balance.params import BalanceParams
from emopipe.balance.quality_metrics import quality_metrics
from emopipe.balance.resampling import none, oversample, undersample
from emopipe.balance.sampling_rounds import SamplingResult, sample_in_rounds
from emopipe.balance.smote import SAMPLERS, smote
from emopipe.balance.strategy import Plan, Sample, Strategy, TrainFaces
from emopipe.balance.synthetic_filter import SyntheticFilter, fit_synthetic_filter
from emopipe.balance.targets import class_targets, missing_rows
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
    "flow": flow,
    **dict.fromkeys(SAMPLERS, smote),
}


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """The training set, and the record of its construction."""

    training_set: TrainingSet
    faces: TrainFaces
    plan: Plan
    targets: dict[str, int]
    num_missing: dict[str, int]
    """Rows to add by class, after the limit `max_added`."""
    result: SamplingResult
    quality: dict[str, dict[str, Any]]
    """Metrics by class with synthetic faces."""


def balance(faces: Faces, params: BalanceParams, *, size: int, seed: int) -> Balanced:
    """The kept train faces in the order of `faces`, then the rows that the strategy adds; val and test are unused.

    size: input side of the classifiers, in pixels. Raises `DataError` for an empty train split, or when a synthetic
    image equals a face.
    """
    frame = faces.split("train").frame
    if frame.empty:
        raise DataError("expected faces in train, got none: see ingest.split_map in params.yaml")
    train = TrainFaces(frame["label"].to_numpy(dtype=str), frame["png"].tolist(), size)
    rng = np.random.default_rng(seed)
    targets = class_targets(train.labels, params.target)
    plan = STRATEGIES[params.strategy](train, targets, params, rng)
    kept = np.setdiff1d(np.arange(len(frame)), list(plan.removed))
    num_missing = missing_rows(train.labels[kept], targets, params.max_added)

    @cache
    def fit_filter() -> SyntheticFilter:
        return fit_synthetic_filter(train, params.synthetic_filter, seed=seed)

    result = sample_in_rounds(plan.sample, num_missing, fit_filter, params.synthetic_filter)
    ids = frame["id"].to_numpy(dtype=object)
    rows = [(ids[row], (), "real", "none", 0, train.labels[row], None) for row in kept]
    rows += [_added_row(sample, ids) for sample in result.kept]
    training_set = TrainingSet(pd.DataFrame(rows, columns=list(COLUMNS)))
    require_train_only(training_set, faces)
    return Balanced(
        training_set=training_set,
        faces=train,
        plan=plan,
        targets=targets,
        num_missing=num_missing,
        result=result,
        quality=quality_metrics(fit_filter(), result) if result.generated else {},
    )


def _added_row(sample: Sample, ids: np.ndarray) -> tuple[Any, ...]:
    parents = tuple(ids[list(sample.parents)])
    if sample.pixels is None:
        return parents[0], parents, "repeated", sample.op, sample.seed, sample.label, None
    digest, png = pixel_digest(sample.pixels), encode_png(sample.pixels)
    return digest, parents, "synthetic", sample.op, sample.seed, sample.label, png
