"""Strategy `none`: the training set is the train faces."""

from collections.abc import Mapping

import numpy as np

from emopipe.balance.params import BalanceParams
from emopipe.balance.rows import Plan, TrainFaces, nothing


def none(faces: TrainFaces, targets: Mapping[str, int], config: BalanceParams, rng: np.random.Generator) -> Plan:
    """Add nothing, remove nothing."""
    return Plan(make=nothing)
