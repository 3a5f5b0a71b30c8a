"""A sample as FER2013's CSV, with planted defects, and its compressed file."""

import lzma
from pathlib import Path

import numpy as np
import pandas as pd

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import ParamsError
from emopipe.faces.classes import FER2013_CLASSES
from emopipe.ingest.sample.defects import defect_counts, make_defects, pixels_text
from emopipe.ingest.sample.generate import draw_faces, sample_labels
from emopipe.ingest.sources.fer_csv import DRAWN

USAGES = ("Training", "PublicTest", "PrivateTest")
HELD_OUT_SHARE = 0.15  # share of each class in PublicTest, and again in PrivateTest
MIN_FACES, MIN_FACES_WITH_DEFECTS = 70, 200  # with fewer, a split would lack a class, or the defects would dominate
_SPLIT_STREAM, _DEFECTS_STREAM = 2, 3  # third words of the seeds, beside that of the labels


def sample_table(num_faces: int, *, size: int, seed: int, defects: bool = True) -> pd.DataFrame:
    """Draw a data set in FER2013's format: columns `emotion` (0 to 6), `pixels` (text of H W grey levels), `Usage`, and
    `drawn`, 1, by which a model of drawn faces is recognised.

    The `num_faces` sound rows are stratified into Training (70 %), PublicTest and PrivateTest (15 % each); defective
    rows, counted by `defect_counts(num_faces)`, are added and shuffled into their split. Raises `ParamsError` for too
    few faces.
    """
    minimum = MIN_FACES_WITH_DEFECTS if defects else MIN_FACES
    if num_faces < minimum:
        raise ParamsError(
            f"expected at least {minimum} faces{' for planted defects' if defects else ''}, got {num_faces}"
        )
    labels = sample_labels(num_faces, seed)
    pixels = [pixels_text(face) for face in draw_faces(labels, size=size, seed=seed)]
    emotion = np.array([FER2013_CLASSES.index(label) for label in labels])
    rng = np.random.default_rng([seed, 0, _SPLIT_STREAM])
    table = pd.DataFrame({"emotion": emotion, "pixels": pixels, "Usage": _usages(emotion, rng)})
    if defects:
        rng = np.random.default_rng([seed, 0, _DEFECTS_STREAM])
        table = pd.concat([table, make_defects(table, defect_counts(num_faces), rng)], ignore_index=True)
        table = table.iloc[rng.permutation(len(table))]
    order = table["Usage"].map(USAGES.index).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True).assign(**{DRAWN: 1})


def write_sample(path: Path, *, num_faces: int, size: int, seed: int, defects: bool = True) -> None:
    """Write `sample_table` as a CSV compressed with xz; the same arguments give the same bytes."""
    table = sample_table(num_faces, size=size, seed=seed, defects=defects)
    with (
        atomic_path(path) as temporary,
        lzma.open(temporary, "wt", preset=6, encoding="ascii", newline="") as file,
    ):
        table.to_csv(file, index=False, lineterminator="\n")


def _usages(emotion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Usage of each row (N,), stratified by class."""
    usages = np.full(emotion.shape, USAGES[0], dtype=object)
    for code in np.unique(emotion):
        rows = rng.permutation(np.flatnonzero(emotion == code))
        held_out = max(1, round(HELD_OUT_SHARE * rows.size))
        usages[rows[:held_out]] = USAGES[1]
        usages[rows[held_out : 2 * held_out]] = USAGES[2]
    return usages
