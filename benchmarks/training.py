"""Training throughput in images per second: this project's loop against a textbook loop, alternating in one run.

`python benchmarks/training.py`. Both train the same network (resnet18, 48 pixels, grey) with the same kinds of
augmentation on drawn faces. The last lines report the FLOP/s of each network as a fraction of those of large matrix
products. Compare the ratios; absolute numbers depend on the machine.
"""

import statistics
import tempfile
import time
from pathlib import Path

import textbook
import torch
from torch import Tensor, nn

from emopipe.core.params import load_params
from emopipe.ingest.sample.generate import draw_faces, sample_labels
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.loop import step
from emopipe.training.networks import architecture, num_macs
from emopipe.training.predict import best_device
from emopipe.training.training_state import TrainingState

NUM_FACES, BATCH, SIDE, NUM_CLASSES = 768, 64, 48, 7
ROUNDS = 5
NETWORKS = ("resnet18", "cnn")
FLOPS_PER_MAC = 6  # 2 forward, 4 backward
MATRIX, PRODUCTS = 2048, 6


class Engine:
    """This project's loop over `data`."""

    def __init__(self, name: str, data: LabelledImages, config: TrainConfig) -> None:
        spec = architecture(name, num_classes=NUM_CLASSES, size=SIDE, channels=1, max_stride=config.max_stride)
        self.classifier = Classifier(spec, mean=0.5, std=0.25)
        self.classifier.to(best_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._data = data.to(best_device())
        self._state = TrainingState.create(self.classifier, self._data, config, seed=0)

    def run_epoch(self) -> None:
        self.classifier.train()
        loss = torch.zeros(())
        for count, batch in enumerate(torch.randperm(NUM_FACES).split(BATCH)):
            loss = step(self._state, self._data, batch)
            self._state.average.update(count)
        loss.item()  # waits for the device


class Textbook:
    """The textbook loop over image files in `folder`."""

    def __init__(self, network: nn.Module, folder: Path) -> None:
        self._network, self._folder = network.to(memory_format=torch.contiguous_format), folder
        self._optimizer = textbook.optimizer_of(network)

    def run_epoch(self) -> None:
        device = next(self._network.parameters()).device
        self._network.train()
        for images, labels in textbook.batches(self._folder, BATCH):
            textbook.step(self._network, images.to(device), labels.to(device), self._optimizer)


def main() -> None:
    """Print throughputs, their ratio, and fractions of the peak."""
    config = load_params(Path("params.yaml")).train
    names = sample_labels(NUM_FACES, seed=0)
    images = draw_faces(names, size=SIDE, seed=0)
    classes = sorted(set(names))
    labels = torch.tensor([classes.index(name) for name in names])
    data = LabelledImages(images=torch.from_numpy(images), labels=labels)
    engines = {name: Engine(name, data, config) for name in NETWORKS}
    with tempfile.TemporaryDirectory() as folder:
        textbook.write_folders(Path(folder), images, names)
        network = Engine("resnet18", data, config).classifier.network
        rates = measure({**engines, "textbook": Textbook(network, Path(folder))})
    print(f"{best_device()}, {torch.get_num_threads()} threads, batches of {BATCH}, median of {ROUNDS} epochs")
    print(f"textbook loop, resnet18: {rates['textbook']:6.0f} images/s")
    print(f"engine,        resnet18: {rates['resnet18']:6.0f} images/s, {rates['resnet18'] / rates['textbook']:.2f} x")
    peak = matrix_peak()
    print(f"matrix products of {MATRIX} x {MATRIX}: {peak / 1e9:.0f} GFLOP/s")
    for name, engine in engines.items():
        flops = FLOPS_PER_MAC * num_macs(engine.classifier.network, 1, SIDE) * rates[name]
        print(f"engine, {name:8s}: {rates[name]:6.0f} images/s, {flops / 1e9:.0f} GFLOP/s, {flops / peak:.0%} of that")


def measure(runs: dict[str, Engine | Textbook]) -> dict[str, float]:
    """Images per second of each, alternating, so that other load affects all; the first epoch is warm-up."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run.run_epoch()
            rates[name].append(NUM_FACES / (time.perf_counter() - start))
    return {name: statistics.median(values[1:]) for name, values in rates.items()}


def matrix_peak() -> float:
    """FLOP/s of large float32 matrix products, the best of `PRODUCTS`."""
    left, right = torch.rand(2, MATRIX, MATRIX, device=best_device())
    seconds = []
    for _ in range(PRODUCTS):
        start = time.perf_counter()
        product: Tensor = left @ right
        product[0, 0].item()
        seconds.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / min(seconds)


if __name__ == "__main__":
    main()
