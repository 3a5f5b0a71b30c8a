"""Made-up layouts of folders: each row ends in the class and split that its maker meant, or is rejected and counted.

In a run of 2,000 examples (EMOPIPE_LAYOUTS=2000, `make fuzz`) no row was in another class or split.
"""

import io
import os
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from emopipe.core.errors import DataError
from emopipe.core.files import read_parquet
from emopipe.core.names import fold_name
from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.table import faces_from_arrow
from emopipe.ingest.import_data import summarise
from emopipe.ingest.ingest import ingest
from emopipe.ingest.labels import known_labels
from emopipe.ingest.sources import recognise
from emopipe.ingest.splits import split_lookup
from face_tables import ingest_params
from source_files import written, zipped

LAYOUTS = int(os.environ.get("EMOPIPE_LAYOUTS", "60"))
"""Examples of each test; `make fuzz` sets 2,000."""
CLASSES = (
    "happy",
    "sad",
    "angry",
    "colère",
    "dégoût",
    "Straße",
    "喜び",
    "驚き",
    "радость",
    "חרדה",
    "غضب",
    "ความสุข",
    "ἦθος",
)
SPLITS = {"train": ("train", "Training", "TRAIN"), "val": ("val", "valid", "Validation"), "test": ("test", "Test")}
FOREIGN_SPLITS = ("Testing", "val_set", "fold1", "dev", "評価")
FOREIGN_CLASSES = ("contempt", "Confusion", "軽蔑", "9_other")
PERSONS = ("anna", "S01", "山田", "session two", "жанна")
MISLEADING = ("Test", "val", "Train", "Joy", "sadness", "001", "7")
FILES = ("1", "training_session_3", "test", "happy", "PublicTest_1b", "Training")
FORMS = ("above", "below", "none", "foreign")


@dataclass(frozen=True)
class Row:
    path: str
    label: str | None
    """None if it is no class."""
    split: str | None
    """None if the maker has none; empty for a split that params.yaml does not name."""


@dataclass(frozen=True)
class Layout:
    classes: tuple[str, ...]
    rows: tuple[Row, ...]
    label_map: dict[str, str | None]
    form: str
    is_plain: bool
    """Whether classes are at one depth, and no folder has a misleading or unknown name: nothing is to stop."""


@cache
def picture(number):
    """Noise, so that no two are alike."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def spelled(draw, name):
    """The same name as another system or hand writes it."""
    form = draw(st.sampled_from((str, str.upper, str.title, " {}".format, "{} ".format)))
    other = unicodedata.normalize(draw(st.sampled_from(("NFC", "NFD"))), form(name))
    return other if fold_name(other) == fold_name(name) else name


@st.composite
def layouts(draw):
    """Every class is in every split, and persons of each level include one with a name of their own."""
    classes = tuple(draw(st.lists(st.sampled_from(CLASSES), min_size=2, max_size=4, unique=True)))
    form = draw(st.sampled_from(FORMS))
    is_plain = draw(st.booleans()) and form != "foreign"
    has_numbers = draw(st.booleans())
    folders = {name: str(code) if has_numbers else name for code, name in enumerate(classes)}
    label_map = {folder: name for name, folder in folders.items()} if has_numbers else {}
    misleading = () if is_plain else (*MISLEADING, *classes)

    def persons(*, most):
        own = [draw(st.sampled_from(PERSONS)) for _ in range(draw(st.integers(0, most)))]
        others = draw(st.lists(st.sampled_from(misleading), max_size=2)) if misleading and own else []
        return own, others

    wrappers = [draw(st.sampled_from(("fer", "data set", *misleading))) for _ in range(draw(st.integers(0, 2)))]
    words = {name: spelled(draw, draw(st.sampled_from(known))) for name, known in SPLITS.items()}
    if form == "foreign":
        words["test"] = draw(st.sampled_from(FOREIGN_SPLITS))
    if form == "none":
        words = {"": ""}
    between, below = persons(most=0 if form in ("none", "foreign") else 1), persons(most=2)
    foreign = draw(st.lists(st.sampled_from(FOREIGN_CLASSES), max_size=1))
    rows = {}
    for split, word in words.items():
        for name in (*classes, *foreign):
            folder = spelled(draw, folders.get(name, name))
            for variant in range(draw(st.integers(3 if form == "none" else 1, 4))):  # enough to sample splits from
                upper = variants(draw, between, 0 if is_plain else variant)
                lower = variants(draw, below, variant)
                middle = [folder, *upper, word] if form == "below" else [word, *upper, folder]
                file = draw(st.sampled_from(FILES))
                path = "/".join([*wrappers, *filter(None, middle), *lower, f"{file} {len(rows)}.png"])
                meant = None if form == "none" else "" if word in FOREIGN_SPLITS else split
                rows[path] = Row(path, name if name in classes else None, meant)
    return Layout(classes, tuple(rows.values()), label_map, form, is_plain)


def variants(draw, level, variant):
    """The persons of one row: at first those with names of their own, then misleading or missing ones."""
    own, others = level
    if not variant or not own:
        return own
    return draw(st.sampled_from(([*own[1:], *others[:1]], others, own, own[:1])))


def ingested(layout, folder, *, packed):
    """What the import says will be rejected, the faces by their path, and the report."""
    files = {row.path: picture(number) for number, row in enumerate(layout.rows)}
    data = written(folder / "data", {"f.zip": zipped(files)} if packed else files)
    params = ingest_params(label_map=layout.label_map, split_map={"Training": "train"})
    base = BaseParams(seed=0, classes=layout.classes)
    source = recognise(data, split_lookup(params.split_map), known_labels(base.classes, params.label_map))
    summary = summarise(source, base=base, ingest=params)
    table = folder / "faces.parquet"
    result = ingest(data, table, base=base, image=ImageParams(size=16, channels=1), ingest=params)
    frame = faces_from_arrow(read_parquet(table)).frame
    faces = {row.source.removeprefix("f.zip:"): (row.label, row.split) for row in frame.itertuples()}
    return summary, faces, result.report


@pytest.mark.slow
@settings(max_examples=LAYOUTS, deadline=None)
@given(layout=layouts(), packed=st.booleans())
def test_each_row_is_in_the_class_and_split_that_its_maker_meant_or_is_rejected(layout, packed):
    with tempfile.TemporaryDirectory() as folder:
        try:
            summary, faces, report = ingested(layout, Path(folder), packed=packed)
        except DataError as error:
            assert not layout.is_plain, str(error)
            event(f"{layout.form}: stops")
            return
    by_path = {row.path: row for row in layout.rows}
    for path, (label, split) in faces.items():
        meant = by_path[path]
        assert label == meant.label, path
        assert meant.split in (None, split), path
    rejected = len(layout.rows) - len(faces)
    event(f"{layout.form}: {'all rows' if not rejected else 'some rows'}")
    assert (summary.num_rows, sum(summary.rejected.values())) == (len(layout.rows), rejected)
    assert (report["rows_in"], report["rows_out"]) == (len(layout.rows), len(faces))
    reasons = Counter({reason.replace("_", " "): number for reason, number in report["rejected"].items()})
    assert reasons == summary.rejected
    if layout.is_plain:
        assert set(faces) == {row.path for row in layout.rows if row.label}
