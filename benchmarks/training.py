"""Images per second in training: this project's engine against a textbook loop, in turns, in one run.

`python benchmarks/training.py`. Both train the same network (resnet18, 48 pixels, grey) with the same kinds of
augmentation on drawn faces. The last lines say which share of the matrix-multiply peak the engine reaches with
each network. The ratios count; machines differ in the rest.
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
from emopipe.training.imbalance import class_correction
from emopipe.training.loop import step
from emopipe.training.networks import architecture
from emopipe.training.networks.cost import num_macs
from emopipe.training.optimisers import make_optimizers
from emopipe.training.predict import best_device
from emopipe.training.training_state import TrainingState
from emopipe.training.weight_average import WeightAverage

NUM_FACES, BATCH, SIDE, NUM_CLASSES = 768, 64, 48, 7
ROUNDS = 5
NETWORKS = ("resnet18", "cnn")
FLOPS_PER_MAC = 6  # 2 forward, 4 backward
MATRIX, PRODUCTS = 2048, 6


class Engine:
    """This project's loop over the faces of `data`, one pass at a time."""

    def __init__(self, name: str, data: LabelledImages, config: TrainConfig) -> None:
        wanted = architecture(name, num_classes=NUM_CLASSES, size=SIDE, channels=1, max_stride=config.max_stride)
        self.classifier = Classifier(wanted, mean=0.5, std=0.25)
        self.classifier.to(best_device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._data, self._config = data.to(best_device()), config
        self._correction = class_correction(self._data.class_counts(NUM_CLASSES), config.imbalance)
        self._learner = TrainingState(
            classifier=self.classifier,
            average=WeightAverage(self.classifier, config.ema_decay),
            optimizers=make_optimizers(self.classifier, config),
            generator=torch.Generator().manual_seed(0),
            device=best_device(),
        )

    def run(self) -> None:
        """One pass."""
        self.classifier.train()
        loss = torch.zeros(())
        for count, batch in enumerate(torch.randperm(NUM_FACES).split(BATCH)):
            loss = step(self._learner, self._data, batch, self._correction, self._config)
            self._learner.average.update(count)
        loss.item()  # waits for the device


class Textbook:
    """The textbook's loop over the same faces in `folder`, with the same network."""

    def __init__(self, network: nn.Module, folder: Path) -> None:
        self._network, self._folder = network.to(memory_format=torch.contiguous_format), folder
        self._optimizer = textbook.optimizer_of(network)

    def run(self) -> None:
        """One pass."""
        device = next(self._network.parameters()).device
        self._network.train()
        for images, labels in textbook.batches(self._folder, BATCH):
            textbook.step(self._network, images.to(device), labels.to(device), self._optimizer)


def main() -> None:
    """Print rates, their ratio, and shares of the peak."""
    config = load_params(Path("params.yaml")).train.config
    names = sample_labels(NUM_FACES, seed=0)
    images = draw_faces(names, size=SIDE, seed=0)
    classes = sorted(set(names))
    labels = torch.tensor([classes.index(name) for name in names])
    data = LabelledImages(images=torch.from_numpy(images), labels=labels)
    engines = {name: Engine(name, data, config) for name in NETWORKS}
    with tempfile.TemporaryDirectory() as folder:
        textbook.write_folders(Path(folder), images, names)
        same = Engine("resnet18", data, config).classifier.network
        rates = measure({**engines, "textbook": Textbook(same, Path(folder))})
    print(f"{best_device()}, {torch.get_num_threads()} threads, batches of {BATCH}, median of {ROUNDS} rounds in turns")
    print(f"textbook loop, resnet18: {rates['textbook']:6.0f} images/s")
    print(f"engine,        resnet18: {rates['resnet18']:6.0f} images/s, {rates['resnet18'] / rates['textbook']:.2f} x")
    peak = matrix_peak()
    print(f"matrix products of {MATRIX} x {MATRIX}: {peak / 1e9:.0f} GFLOP/s")
    for name, engine in engines.items():
        flops = FLOPS_PER_MAC * num_macs(engine.classifier.network, 1, SIDE) * rates[name]
        print(f"engine, {name:8s}: {rates[name]:6.0f} images/s, {flops / 1e9:.0f} GFLOP/s, {flops / peak:.0%} of that")


def measure(runs: dict[str, Engine | Textbook]) -> dict[str, float]:
    """Images per second of each, in turns, so that a slow moment hits all; the first round is dropped."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, one in runs.items():
            start = time.perf_counter()
            one.run()
            rates[name].append(NUM_FACES / (time.perf_counter() - start))
    return {name: statistics.median(values[1:]) for name, values in rates.items()}


def matrix_peak() -> float:
    """FLOP per second of large float32 matrix products: the best of some."""
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
