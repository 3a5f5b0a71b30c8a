"""Small tables of faces, written as one line of text per row."""

import numpy as np
import pandas as pd

from emopipe.faces import COLUMNS, Faces
from emopipe.images import encode_png, pixel_digest
from emopipe.params import PolicyParams, ValidateParams


def picture(name, height=16, width=16, channels=1):
    """Noise that `name` stands for; a name that begins with "blank" stands for pixels of one level."""
    rng = np.random.default_rng(list(name.encode()))
    noise = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return np.full_like(noise, noise[0, 0, 0]) if name.startswith("blank") else noise


def faces_of(*rows, height=16, width=16, channels=1):
    """Rows like "train happy A": split, label, picture. The same picture name gives the same picture."""
    table = []
    for number, row in enumerate(rows, start=1):
        split, label, name = row.split()
        pixels = picture(name, height, width, channels)
        path = f"{number}.png"
        table.append((pixel_digest(pixels), encode_png(pixels), path, label, split, f"f.csv:{number}", width, height))
    return Faces(pd.DataFrame(table, columns=list(COLUMNS)))


def validate_params(**changes):
    """Drop everything; at least one face of each class in train. Keywords change policies and limits."""
    policy = {"exact_duplicate": "drop", "split_leak": "drop", "label_conflict": "drop", "constant_image": "drop"}
    limits = {"constant_range": 4, "min_size": 16, "max_aspect": 2.0, "min_train_faces": 1}
    policy.update({name: value for name, value in changes.items() if name in policy})
    limits.update({name: value for name, value in changes.items() if name in limits})
    return ValidateParams(policy=PolicyParams(**policy), **limits)
