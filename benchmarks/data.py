"""Seconds and memory of ingest and validate, on drawn faces of 48x48 pixels or on a CSV of one's own.

    python benchmarks/data.py usual [--csv fer2013.csv.gz]   ingest against the loop that people write, in turns
    python benchmarks/data.py growth 50000 500000            both stages on tables of these sizes, labels not judged

The usual loop only parses: pandas.read_csv, and np.fromstring for each row. Ingest checks, digests and encodes each row
as well. Drawing 500,000 faces takes longer than all the rest.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from emopipe.core.params import load_params
from emopipe.faces.classes import FER2013_CLASSES
from emopipe.ingest.ingest import ingest
from emopipe.ingest.sample.defects import pixels_text
from emopipe.ingest.sample.generate import draw_faces, sample_labels

ROOT = Path(__file__).parents[1]
SIDE, ROUNDS, CHUNK = 48, 3, 500
USAGES = np.array(["Training"] * 8 + ["PublicTest", "PrivateTest"])


def draw_csv(path: Path, num_faces: int) -> None:
    """A CSV in FER2013's form, a tenth of its rows in PublicTest and a tenth in PrivateTest."""
    labels = sample_labels(num_faces, 0)
    parts = [(number, labels[start : start + CHUNK]) for number, start in enumerate(range(0, num_faces, CHUNK))]
    with multiprocessing.Pool() as pool, path.open("w", encoding="ascii") as file:
        file.write("emotion,pixels,Usage\n")
        for lines in pool.imap(draw_lines, parts):
            file.write(lines)


def draw_lines(part: tuple[int, list[str]]) -> str:
    """Rows of the CSV; `part` is a number, which is the seed, and labels."""
    seed, labels = part
    usages = np.random.default_rng([seed, 1]).choice(USAGES, len(labels))
    faces = draw_faces(labels, size=SIDE, seed=seed)
    return "".join(
        f"{FER2013_CLASSES.index(label)},{pixels_text(face)},{usage}\n"
        for label, face, usage in zip(labels, faces, usages, strict=True)
    )


def usual(csv: Path) -> None:
    """Median seconds of both loops, in turns, and their ratio."""
    params = load_params(ROOT / "params.yaml")

    def people() -> None:
        table = pd.read_csv(csv)
        np.stack([np.fromstring(text, dtype=np.uint8, sep=" ") for text in table["pixels"]])

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            ingest(
                csv,
                Path(folder, "faces.parquet"),
                base=params.base,
                image=params.image,
                ingest=params.ingest,
            )

    loops: dict[str, Callable[[], None]] = {"usual loop": people, "ingest": ours}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            start = time.perf_counter()
            loop()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{name:10s}  {value:7.2f} s  {value / medians['usual loop']:5.2f} x the usual loop")


def growth(sizes: list[int]) -> None:
    """Microseconds a row and peak memory of each stage, for each size."""
    first: dict[str, float] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "data").mkdir()
            draw_csv(folder / "data" / "drawn.csv", size)
            (folder / "corrections.csv").write_text("id,action,label\n")
            params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
            params["validate"]["label_folds"] = 0
            (folder / "params.yaml").write_text(yaml.safe_dump(params))
            for stage, words in STAGES.items():
                seconds, peak = timed(folder, stage, words)
                each = 1e6 * seconds / size
                ratio = each / first.setdefault(stage, each)
                print(
                    f"{stage:9s}{size:8,d} rows  {seconds:7.1f} s  {each:6.0f} us a row ({ratio:.2f} x)  "
                    f"{peak / 2**20:7.0f} MiB at most",
                    flush=True,
                )


STAGES = {
    "ingest": "--data data --faces faces.parquet --rejects rejects.csv --report ingest.json",
    "validate": (
        "--faces faces.parquet --corrections corrections.csv --clean clean.parquet --report validate.json --pages pages"
    ),
}


def timed(folder: Path, stage: str, words: str) -> tuple[float, int]:
    """Run a stage in `folder`: seconds, and the largest resident memory of its process in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(ROOT / "stages" / f"{stage}.py"), *words.split()], cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{stage} failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("usual").add_argument("--csv", type=Path)
    kinds.add_parser("growth").add_argument("sizes", type=int, nargs="+")
    options = parser.parse_args()
    if options.kind == "growth":
        growth(options.sizes)
    elif options.csv:
        usual(options.csv)
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw_csv(Path(folder, "drawn.csv"), 4000)
            usual(Path(folder, "drawn.csv"))


if __name__ == "__main__":
    main()
