"""In every format and order of rows, no row is lost, and an image keeps its id."""

import tempfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emopipe.core.files import read_parquet
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.table import SPLITS, faces_from_arrow
from emopipe.ingest.ingest import UNKNOWN, ingest
from face_tables import ingest_params
from source_files import written, zipped

CLASSES = ("happy", "sad")
LABELS = (*CLASSES, "contempt")
WORDS = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
SOUND = [(split, label, 100 + place) for place, (split, label) in enumerate((s, c) for s in SPLITS for c in CLASSES)]
"""Enough of each class and split for a source to be usable: (split, label, picture)."""
TOO_LARGE = 7
"""A picture that is above the limit of pixels."""

rows_of_a_source = st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from(LABELS), st.integers(0, 9)), max_size=15)


def picture(name):
    side = 40 if name == TOO_LARGE else 5
    return np.random.default_rng(name).integers(0, 256, (side, side), dtype=np.uint8)


def png(name):
    return cv2.imencode(".png", picture(name), [cv2.IMWRITE_PNG_COMPRESSION, name % 10])[1].tobytes()


def as_csv(folder, rows):
    lines = (f"{label},{' '.join(map(str, picture(name).ravel()))},{WORDS[split]}\n" for split, label, name in rows)
    return written(folder, {"f.csv": "emotion,pixels,Usage\n" + "".join(lines)})


def files_of(rows):
    return {f"{split}/{label}/{number}.png": png(name) for number, (split, label, name) in enumerate(rows)}


def as_folders(folder, rows):
    return written(folder, files_of(rows))


def as_zip(folder, rows):
    return written(folder, {"f.zip": zipped(files_of(rows))})


def as_parquet(folder, rows):
    splits, labels, names = zip(*rows, strict=True)
    image = [{"bytes": png(name), "path": None} for name in names]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"image": image, "label": list(labels), "split": list(splits)}), folder / "f.parquet")
    return folder


MAKERS = (as_csv, as_folders, as_zip, as_parquet)


def ingested(make_source, rows):
    """The faces and the report of a source of one format."""
    with tempfile.TemporaryDirectory() as name:
        source, table = make_source(Path(name, "data"), rows), Path(name, "faces.parquet")
        base, image = BaseParams(seed=0, classes=CLASSES), ImageParams(size=16, channels=1)
        params = ingest_params(max_pixels=1000)
        report = ingest(source, table, base=base, image=image, ingest=params).report
        return faces_from_arrow(read_parquet(table)).frame, report


@pytest.mark.slow
@pytest.mark.parametrize("make_source", MAKERS)
@settings(max_examples=15, deadline=None)
@given(rows=rows_of_a_source)
def test_each_row_is_counted_once_by_its_split_and_class(make_source, rows):
    rows = SOUND + rows
    frame, report = ingested(make_source, rows)
    given_rows = Counter((split, label if label in CLASSES else UNKNOWN) for split, label, _ in rows)
    counted = Counter(zip(frame["split"], frame["label"], strict=True))
    for by_split in report["rejected_by_split"].values():
        counted.update({(split, label): number for split, part in by_split.items() for label, number in part.items()})
    assert counted == given_rows
    assert report["rows_in"] == len(rows) == report["rows_out"] + sum(report["rejected"].values())
    assert report["by_split"] == {
        split: {label: int(((frame["split"] == split) & (frame["label"] == label)).sum()) for label in CLASSES}
        for split in SPLITS
    }


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(rows=rows_of_a_source, random=st.randoms(use_true_random=False))
def test_a_picture_has_one_id_in_every_format_order_and_encoding(rows, random):
    rows = SOUND + [(split, label, name) for split, label, name in rows if name != TOO_LARGE]
    expected = None
    for make_source in MAKERS:
        frame, _ = ingested(make_source, random.sample(rows, len(rows)))
        found = Counter(zip(frame["id"], frame["split"], frame["label"], strict=True))
        expected = expected or found
        assert found == expected
