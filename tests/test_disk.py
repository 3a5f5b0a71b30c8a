"""A full, read-only or refused disk is one line, whatever the library."""

import errno
import os
import shlex
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

SPACE = "No space left on device: free some space, then run the command again"


@pytest.fixture
def full(tmp_path):
    """A link to a device without space: a library that renames a file over it replaces the link."""
    (tmp_path / "full").symlink_to("/dev/full")
    return tmp_path / "full"


def write_text(path):
    with path.open("w") as file:
        file.write("x" * 100_000)


def save_tensors(path):
    """As safetensors fails on a full tmpfs; it does not write to a device."""
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def fill_a_database(path):
    connection = sqlite3.connect(path.with_name("store.db"))
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute("CREATE TABLE t (x)")
    for _ in range(100):
        connection.execute("INSERT INTO t VALUES (zeroblob(10000))")


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        lambda path: pd.DataFrame({"a": range(100_000)}).to_csv(path),
        lambda path: pq.write_table(pa.table({"a": np.random.default_rng(0).random(100_000)}), path),
        save_tensors,
        fill_a_database,
    ],
    ids=["text", "pandas", "Arrow", "safetensors", "SQLite"],
)
def test_a_full_disk_is_recognised_in_the_error_of_each_library(write, full):
    with pytest.raises(Exception) as raised:
        write(full)
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


def test_another_error_is_no_fault_of_the_disk():
    others = [
        ValueError("no such label"),
        FileNotFoundError(2, "No such file"),
        RuntimeError("HTTP 403: Permission denied"),
    ]
    others.append(OSError(errno.EBUSY, "Device or resource busy", "/dev/video0"))
    try:
        try:
            raise PermissionError(errno.EACCES, "Permission denied", "~/.cache/matplotlib")
        except PermissionError:
            {}["label"]
    except KeyError as error:
        others.append(error)
    assert [disk_fault(error) for error in others] == [""] * 5


LIMITS = {
    "a limit of the size of files": ("ulimit -f 1", "File too large: raise the limit of the size of files (ulimit -f)"),
    "a full file system": ("mount -t tmpfs -o size=4k tmpfs build", "No space left on device: free some space"),
    "a read-only file system": ("mount -t tmpfs -o ro tmpfs build", "Read-only file system: make it writable"),
}
"""How the shell takes the disk away, and what the stage says of it."""


@pytest.mark.slow
@pytest.mark.parametrize("limit", LIMITS)
def test_a_stage_that_cannot_write_ends_in_one_line_and_leaves_nothing(tmp_path, limit):
    command, message = LIMITS[limit]
    if "mount" in command and subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("only root may mount a file system")
    for name in ("params.yaml", "corrections.csv"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for name in ("data", "build"):
        (tmp_path / name).mkdir()
    pixels = {label: " ".join(map(str, range(label, label + 256))) for label in range(7)}
    splits = ("Training", "PublicTest", "PrivateTest")
    rows = [f"{label},{text},{split}" for label, text in pixels.items() for split in splits]
    (tmp_path / "data" / "faces.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    stage = shlex.join([sys.executable, str(ROOT / "stages" / "ingest.py"), *options("ingest")])
    shell = ["unshare", "-m"] * ("mount" in command) + [
        "sh",
        "-c",
        f"{command} && {stage}; status=$?; ls -A build; exit $status",
    ]
    done = subprocess.run(
        shell, cwd=tmp_path, env=environment(ROOT, PYTHONPATH=ROOT / "src"), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert (done.stderr.count("\n"), done.stderr.startswith("ingest: ")) == (1, True)
    assert message in done.stderr
