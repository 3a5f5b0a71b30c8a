"""Small tables of faces, written as one line of text per row."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from emopipe.faces.file import FaceFile
from emopipe.faces.png import encode_png, pixel_digest
from emopipe.faces.table import COLUMNS, Faces, faces_to_arrow
from emopipe.ingest.params import IngestParams, VoteParams
from emopipe.validate.evidence import collect_evidence
from emopipe.validate.findings import KINDS
from emopipe.validate.params import PolicyParams, ValidateParams


def image(name, height=16, width=16, channels=1):
    """Noise seeded by `name`; one grey level if `name` begins with "blank"."""
    rng = np.random.default_rng(list(name.encode()))
    noise = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return np.full_like(noise, noise[0, 0, 0]) if name.startswith("blank") else noise


def faces_of(*rows, height=16, width=16, channels=1):
    """Rows like "train happy A": split, label, image. The same name gives the same image."""
    table = []
    for number, row in enumerate(rows, start=1):
        split, label, name = row.split()
        pixels = image(name, height, width, channels)
        path = f"{number}.png"
        source, votes = f"f.csv:{number}", None
        table.append((pixel_digest(pixels), encode_png(pixels), path, label, split, source, width, height, votes))
    return Faces(pd.DataFrame(table, columns=list(COLUMNS)))


def file_of(faces):
    """The table as an open file that is already deleted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "faces.parquet")
        pq.write_table(faces_to_arrow(faces), path, row_group_size=5)
        return FaceFile(path)


def evidence_of(faces, **changes):
    """The evidence about a table; labels are scored only with `label_folds`."""
    file = file_of(faces)
    classes = sorted(set(faces.frame["label"]))
    return collect_evidence(file, file.frame, classes, validate_params(**changes), seed=0)


def ingest_params(*, votes=("given", "reject"), **changes):
    """FER2013's splits; keywords change the rest, and `votes` is a rule and the use of out-of-class votes."""
    options = {
        "split_map": {"Training": "train", "PublicTest": "val", "PrivateTest": "test"},
        "label_map": {},
        "val_fraction": 0.1,
        "test_fraction": 0.2,
        "max_pixels": 10_000,
        "crop_faces": False,
        "min_similarity": 0.88,
        "group_by": None,
    }
    label, out_of_class_votes = votes
    return IngestParams(votes=VoteParams(label=label, out_of_class_votes=out_of_class_votes), **options | changes)


def validate_params(**changes):
    """Drop what can be dropped; at least one face of each class in train. Keywords change policies and limits."""
    limits = {
        "min_similarity": 0.88,
        "label_folds": 0,
        "max_label_quality": 0.1,
        "constant_range": 4,
        "min_entropy": 0.0,
        "min_sharpness": 0.0,
        "max_saturated": 1.0,
        "max_robust_z": 100.0,
        "max_ks_distance": 1.0,
        "min_size": 16,
        "max_aspect": 2.0,
        "min_train_faces": 1,
    }
    policy = {kind: changes.pop(kind, "drop") for kind in KINDS}
    assert set(changes) <= set(limits), changes
    return ValidateParams(policy=PolicyParams(**policy), **limits | changes)
