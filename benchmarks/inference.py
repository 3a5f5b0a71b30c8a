"""Images per second of the exported model: torch, ONNX and int8 side by side, in turns, in one run.

`python benchmarks/inference.py` after `dvc repro`. The ratios are what counts; machines differ in the rest.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from emopipe.files import read_json
from emopipe.serving.bundle import INT8_GRAPH, Bundle
from emopipe.training.checkpoint import load_model

ROUNDS = 7
BATCHES = {1: 200, 64: 8}  # size of a batch, and batches in a round


def main() -> None:
    """Print a table of rates, and each one's ratio to torch."""
    model = read_json(Path("reports/export.json"))["model"]
    torch.set_num_threads(1)
    trained, size = load_model(Path("build/models") / model), read_json(Path("exports/model.json"))
    runs = {
        "torch": lambda images: trained.classifier.predict(torch.from_numpy(images)),
        "onnx": Bundle(Path("exports"), num_threads=1).predict,
    }
    if (Path("exports") / INT8_GRAPH).exists():
        runs["int8"] = Bundle(Path("exports"), graph=INT8_GRAPH, num_threads=1).predict
    print(f"{model}, one thread, median of {ROUNDS} rounds in turns")
    for batch, repeats in BATCHES.items():
        side = trained.classifier.architecture.size
        shape = (batch, side, side, size["image_channels"])
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        rates = measure(runs, images, repeats)
        for name, rate in rates.items():
            ratio = rate / rates["torch"]
            print(f"batch {batch:3d}  {name:5s}  {1000 / rate:7.3f} ms a face  {ratio:5.2f} x torch")


def measure(runs: dict[str, Callable[[np.ndarray], object]], images: np.ndarray, repeats: int) -> dict[str, float]:
    """Images per second of each run, alternating between them so that a slow moment hits all."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(repeats):
                run(images)
            rates[name].append(repeats * len(images) / (time.perf_counter() - start))
    return {name: statistics.median(values[1:]) for name, values in rates.items()}


if __name__ == "__main__":
    main()
