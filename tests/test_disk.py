"""A full, read-only or refused disk is one line, whatever the library."""

import errno
import os
import resource
import sqlite3
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors import SafetensorError

from emopipe.core.disk import disk_fault
from projects import ROOT, environment
from test_stages import options

FULL = "/dev/full"
SPACE = "No space left on device: free some space, then run the command again"


def write_text():
    with Path(FULL).open("w") as file:
        file.write("x" * 100_000)


def save_tensors():
    """As safetensors' own writer fails, which cannot write to a device."""
    raise SafetensorError('I/O error: Os { code: 28, kind: StorageFull, message: "No space left on device" }')


def fill_a_database():
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute("CREATE TABLE t (x)")
    for _ in range(100):
        connection.execute("INSERT INTO t VALUES (zeroblob(10000))")


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        lambda: pd.DataFrame({"a": range(100_000)}).to_csv(FULL),
        lambda: pq.write_table(pa.table({"a": np.random.default_rng(0).random(100_000)}), FULL),
        save_tensors,
        fill_a_database,
    ],
    ids=["text", "pandas", "Arrow", "safetensors", "SQLite"],
)
def test_a_full_disk_is_recognised_in_the_error_of_each_library(write):
    with pytest.raises(Exception) as raised:
        write()
    assert disk_fault(raised.value).endswith(SPACE)


def test_the_path_is_named_and_the_cause_is_found_behind_another_error():
    try:
        try:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "exports/model.onnx")
        except PermissionError as error:
            raise RuntimeError("export failed") from error
    except RuntimeError as error:
        line = disk_fault(error)
    assert line.startswith("exports/model.onnx: Permission denied: get the permission, or choose another place")
    assert disk_fault(ValueError("no such label")) == disk_fault(FileNotFoundError(2, "No such file")) == ""


@pytest.mark.slow
def test_a_stage_that_may_write_no_more_ends_in_one_line_and_leaves_nothing(tmp_path):
    for name in ("params.yaml", "corrections.csv"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "data").mkdir()
    pixels = {label: " ".join(map(str, range(label, label + 256))) for label in range(7)}
    splits = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{label},{text},{split}" for label, text in pixels.items() for split in splits]
    ]
    (tmp_path / "data" / "faces.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    done = subprocess.run(
        [sys.executable, str(ROOT / "stages" / "ingest.py"), *options("ingest")],
        cwd=tmp_path,
        env=environment(ROOT, PYTHONPATH=ROOT / "src"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("ingest: ")
    assert "File too large: raise the limit of the size of files (ulimit -f)" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []
    assert not (tmp_path / "build" / "faces.parquet").exists()
