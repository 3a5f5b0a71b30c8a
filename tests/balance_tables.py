"""Small face tables and parameters for balancing: every strategy takes seconds."""

from functools import cache

import numpy as np
import pandas as pd

from emopipe.balance.balance import Balanced, balance
from emopipe.balance.params import BalanceParams, GeneratorParams, SyntheticFilterParams
from emopipe.faces.png import encode_png, pixel_digest
from emopipe.faces.table import COLUMNS, Faces
from face_tables import faces_of

CLASSES = ("happy", "sad", "fear")
ROWS = (
    *(f"train happy H{number}" for number in range(9)),
    *(f"train sad S{number}" for number in range(2)),
    *(f"train fear F{number}" for number in range(5)),
    *(f"val sad V{number}" for number in range(4)),
    *(f"test sad T{number}" for number in range(4)),
)
SMALL = {"happy": 20, "sad": 14, "fear": 14}
OPEN = SyntheticFilterParams(drop=False, max_similarity=0.98, range_quantile=0.0, class_quantile=0.0, rounds=2)
"""Drops only copies: networks trained for three steps do not generate faces."""


def balance_params(strategy, *, target=0.5, synthetic_filter=OPEN, **changes) -> BalanceParams:
    generator = GeneratorParams(autoencoder_steps=3, flow_steps=3, flow_strength=0.5)
    params = {"max_added": 0.9, "space": "pca", "generator": generator}
    return BalanceParams(strategy=strategy, target=target, synthetic_filter=synthetic_filter, **params | changes)


def make(strategy, faces=None, *, seed=0, **changes) -> Balanced:
    """Balance a table, by default `ROWS`."""
    return balance(faces or faces_of(*ROWS), balance_params(strategy, **changes), size=16, seed=seed)


@cache
def drawn_faces(happy=24, sad=10, fear=10) -> Faces:
    """Faces of 16x16 pixels, and two of each class for val and test: a horizontal bar at the height of the class, on a
    random gradient with noise."""
    rng = np.random.default_rng(0)
    heights = {"happy": 3, "sad": 7, "fear": 11}
    table = []
    for label, num in (("happy", happy), ("sad", sad), ("fear", fear)):
        for number in range(num + 4):
            split = "train" if number < num else "val" if number < num + 2 else "test"
            slope = np.add.outer(rng.uniform(-4, 4) * np.arange(16), rng.uniform(-4, 4) * np.arange(16))
            image = 100 + slope + rng.normal(0, 8, (16, 16))
            image[heights[label] + rng.integers(2)] += 60
            pixels = image.clip(0, 255).astype(np.uint8)[:, :, None]
            source = f"f.csv:{len(table)}"
            table.append((pixel_digest(pixels), encode_png(pixels), "p", label, split, source, 16, 16, None))
    return Faces(pd.DataFrame(table, columns=list(COLUMNS)))
