"""Rules for every reader, including the one in CONTRIBUTING.md."""

import base64
import json
import re
import runpy
import shutil
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from emopipe.core.errors import DataError
from emopipe.ingest import sources
from emopipe.ingest.sources import READERS, recognise
from emopipe.ingest.sources.base import RawRow, Reason, Reject, Source
from emopipe.ingest.splits import FOLDER_SPLITS
from source_files import TABLE, png, written, zipped

ROOT = Path(__file__).parents[1]


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def json_lines(*rows: dict[str, str]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


TREE = {"train/happy/1.png": png(1), "train/sad/2.png": png(2), "test/sad/3.png": png(3), "train/sad/notes.txt": b"?"}
CELLS = pa.array([{"bytes": png(1)}, {"bytes": png(2)}, {"bytes": None}])
IMAGES = [base64.b64encode(png(value)).decode() for value in (1, 2)]
EXAMPLES = {
    "FER2013 CSV": {"f.csv": (TABLE + "0,1,Training\n").encode()},
    "class folders": TREE,
    "zip of class folders": {"f.zip": zipped(TREE)},
    "Parquet or Arrow": {"f.arrow": arrow(pa.table({"image": CELLS, "label": ["happy", "sad", "sad"]}))},
    "table of paths": {
        "labels.csv": b"path,label\na.png,happy\nb.png,sad\nc.png,sad\n",
        "img/a.png": png(1),
        "img/b.png": png(2),
        "img/d.png": png(3),
    },
    "JSON Lines": {
        "f.jsonl": json_lines(
            {"label": "happy", "split": "train", "image": IMAGES[0]},
            {"label": "sad", "image": IMAGES[1]},
            {"label": "sad", "image": "?"},
        )
    },
}
"""For each format: some usable rows, and at least one that is not."""


@pytest.fixture
def known(tmp_path, monkeypatch) -> None:
    """Adds the reader of CONTRIBUTING.md."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "json_lines.py").write_text(code, encoding="utf-8")
    reader = runpy.run_path(str(tmp_path / "json_lines.py"))["JsonLines"]
    monkeypatch.setattr(sources, "READERS", (*READERS, reader))


@pytest.fixture(params=EXAMPLES)
def source(request, tmp_path, known) -> Source:
    return recognise(written(tmp_path / "data", EXAMPLES[request.param]), FOLDER_SPLITS)


def summary(row: RawRow | Reject) -> tuple[object, ...]:
    """A row as a comparable value."""
    if isinstance(row, Reject):
        return (row.source, row.reason, row.detail)
    image = row.image if isinstance(row.image, bytes) else (row.image.shape, row.image.tobytes())
    return (row.source, row.label, row.split, image, row.votes)


def test_every_reader_has_an_example_and_is_named_when_nothing_is_recognised(tmp_path, known):
    assert [reader.format for reader in sources.READERS] == list(EXAMPLES)
    with pytest.raises(DataError) as caught:
        recognise(tmp_path / "json_lines.py", ())
    assert all(reader.accepts in str(caught.value) for reader in sources.READERS)


def test_the_right_reader_alone_recognises_its_data(request, source):
    assert source.format == request.node.callspec.params["source"]
    assert source.name.startswith(str(source.root))


def test_all_rows_are_given_as_rows_or_rejects_of_known_kinds(source):
    rows = list(source.read())
    assert {type(row) for row in rows} == {RawRow, Reject}
    for row in rows:
        if isinstance(row, Reject):
            assert row.reason in get_args(Reason)
            assert row.detail
        elif not isinstance(row.image, bytes):
            assert (row.image.dtype, row.image.ndim, row.image.shape[2]) == (np.uint8, 3, 1)


def test_rows_have_names_of_their_own_that_begin_with_a_file(source):
    names = [row.source for row in source.read()]
    assert len(set(names)) == len(names)
    assert all(name.startswith(source.files) for name in names)


def test_reading_twice_gives_the_same(source):
    assert [summary(row) for row in source.read()] == [summary(row) for row in source.read()]


def test_its_files_are_all_that_it_needs(source, tmp_path):
    for name in source.files:
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.root / name, tmp_path / "copy" / name)
    again = recognise(tmp_path / "copy", FOLDER_SPLITS)
    assert [summary(row) for row in again.read()] == [summary(row) for row in source.read()]


def test_the_counts_include_at_least_the_rows_that_can_be_used(source):
    usable = Counter((row.split, row.label) for row in source.read() if isinstance(row, RawRow))
    assert usable <= source.counts()
    assert source.counts().total() <= sum(1 for _ in source.read())
