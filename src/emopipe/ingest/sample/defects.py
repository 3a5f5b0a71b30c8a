"""Defects as in real data sets, planted to show that the pipeline finds them.

Tables have FER2013's columns `emotion` (int), `pixels` (grey levels, blank-separated, row by row) and `Usage`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emopipe.faces.classes import FER2013_CLASSES

UNKNOWN_EMOTION = 9
TOO_BRIGHT = 300
BRIGHTENING, NOISE = 8, 3  # grey levels by which near-duplicates differ: of all pixels, and at most
_REFERENCE_FACES = 2000  # number of faces for which the default counts hold


@dataclass(frozen=True, kw_only=True)
class DefectCounts:
    """Rows to add, by kind; all are in Training except one constant image."""

    train_duplicates: int = 12  # copies of Training rows
    test_leaks: int = 8  # copies of PrivateTest rows
    val_leaks: int = 8  # copies of PublicTest rows
    near_duplicates: int = 6  # of held-out rows, in turn brightened, shifted by a pixel, or noisy
    label_conflicts: int = 4  # copies of Training rows with another label
    constant_images: int = 2  # one grey level throughout; the first in Training, the second in PublicTest
    short_rows: int = 1  # the last pixel is missing
    bright_rows: int = 1  # a pixel has the value `TOO_BRIGHT`
    unknown_labels: int = 1  # the label is `UNKNOWN_EMOTION`


def defect_counts(num_faces: int) -> DefectCounts:
    """Counts for a table of `num_faces` sound rows: the number of copies scales with it, other defects do not."""
    copied = ("train_duplicates", "test_leaks", "val_leaks", "near_duplicates", "label_conflicts")
    scaled = {name: getattr(DefectCounts, name) * num_faces / _REFERENCE_FACES for name in copied}
    return DefectCounts(**{name: max(1, round(count)) for name, count in scaled.items()})


def make_defects(table: pd.DataFrame, counts: DefectCounts, rng: np.random.Generator) -> pd.DataFrame:
    """Rows to add to a sound `table`, each derived from a different row."""
    pools = {usage: rows.iloc[rng.permutation(len(rows))] for usage, rows in table.groupby("Usage")}
    taken = dict.fromkeys(pools, 0)

    def take(usage: str, number: int) -> pd.DataFrame:
        rows = pools[usage].iloc[taken[usage] : taken[usage] + number]
        assert len(rows) == number, "too few sound rows for so many defects"
        taken[usage] += number
        return rows.assign(Usage="Training")

    from_test = take("PrivateTest", (counts.near_duplicates + 1) // 2)
    from_val = take("PublicTest", counts.near_duplicates // 2)
    parts = [
        take("Training", counts.train_duplicates),
        take("PrivateTest", counts.test_leaks),
        take("PublicTest", counts.val_leaks),
        _altered(pd.concat([from_test, from_val]), rng),
        _relabelled(take("Training", counts.label_conflicts), rng),
        _constant(take("Training", counts.constant_images)),
        _with_pixels(take("Training", counts.short_rows), lambda pixels: pixels[:-1]),
        _with_pixels(take("Training", counts.bright_rows), lambda pixels: np.append(pixels[:-1], TOO_BRIGHT)),
        take("Training", counts.unknown_labels).assign(emotion=UNKNOWN_EMOTION),
    ]
    return pd.concat(parts, ignore_index=True)


def _with_pixels(rows: pd.DataFrame, change: Callable[[np.ndarray], np.ndarray]) -> pd.DataFrame:
    return rows.assign(pixels=[pixels_text(change(pixels_array(text))) for text in rows["pixels"]])


def _altered(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Make each row a near-duplicate, by one of three changes in turn."""

    def shifted(pixels: np.ndarray) -> np.ndarray:
        image = pixels.reshape(int(np.sqrt(pixels.size)), -1)
        return np.concatenate([image[:, :1], image[:, :-1]], axis=1).ravel()

    changes: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda pixels: pixels + BRIGHTENING,
        shifted,
        lambda pixels: pixels + rng.integers(-NOISE, NOISE + 1, pixels.size),
    ]
    altered = [
        np.clip(changes[index % len(changes)](pixels_array(text)), 0, 255) for index, text in enumerate(rows["pixels"])
    ]
    return rows.assign(pixels=[pixels_text(pixels) for pixels in altered])


def _relabelled(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    num_classes = len(FER2013_CLASSES)
    return rows.assign(emotion=(rows["emotion"] + rng.integers(1, num_classes, len(rows))) % num_classes)


def _constant(rows: pd.DataFrame) -> pd.DataFrame:
    levels = np.linspace(0, 128, len(rows)).astype(int)
    size = pixels_array(rows["pixels"].iloc[0]).size
    usage = ["Training" if index == 0 else "PublicTest" for index in range(len(rows))]
    return rows.assign(pixels=[pixels_text(np.full(size, level)) for level in levels], Usage=usage)


def pixels_text(pixels: np.ndarray) -> str:
    """Grey levels of any shape as FER2013 writes them: blank-separated, row by row."""
    return " ".join(map(str, pixels.ravel().tolist()))


def pixels_array(text: str) -> np.ndarray:
    """The grey levels (H W,) of a text, as int64."""
    return np.array(text.split(), dtype=np.int64)
