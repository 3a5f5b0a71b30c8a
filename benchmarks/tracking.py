"""What tracking costs a training: the same epochs with MLflow and without, in turns, in one run.

`python benchmarks/tracking.py`. What a run costs once (parameters, commit, machine, closing) and per epoch is measured
by itself, and set against five minutes of the shortest epochs that are usual here: the sample's, of the small cnn. The
pairs then show whether system metrics, which are sampled beside the training, slow it down.
"""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from emopipe.params import load_params
from emopipe.predict import best_device
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import StageState
from emopipe.tracking.store import connect
from emopipe.training.classifier import Classifier
from emopipe.training.data import LabelledImages
from emopipe.training.loop import train
from emopipe.training.networks import architecture

ROUNDS, EPOCHS, NUM_FACES = 5, 5, 1024
TRAINING_SECONDS, EPOCH_SECONDS = 300, 5
PARAMS = load_params(Path("params.yaml"))
FIGURES = ("epoch/learning_rate", "epoch/train_loss", "epoch/val_loss", "epoch/val_accuracy")
SPEED = ("time/epoch_seconds", "time/images_per_second")


def main() -> None:
    """Print seconds and shares."""
    with tempfile.TemporaryDirectory() as folder:
        connect(Path(folder))  # the store is made once, not by each training
        once, per_epoch = logging_seconds(Path(folder))
        plain, tracked = paired_epochs(Path(folder))
    total = once + per_epoch * TRAINING_SECONDS / EPOCH_SECONDS
    share = total / TRAINING_SECONDS
    print(f"logging: {once:.2f} s once per run, {per_epoch * 1000:.0f} ms per epoch (median of {ROUNDS} runs)")
    print(f"{TRAINING_SECONDS} s of {EPOCH_SECONDS} s epochs: {total:.1f} s of logging, {share:.2%}")
    ratio = statistics.median(b / a for a, b in zip(plain, tracked, strict=True))
    print(f"an epoch of {NUM_FACES} faces: {min(plain):.2f} s without, {min(tracked):.2f} s with (fastest of {ROUNDS})")
    print(f"median of the pairs: {ratio - 1:+.1%}")


def logging_seconds(root: Path) -> tuple[float, float]:
    """What a run costs once, and per epoch; the first run, which imports MLflow, is left out."""
    once, epochs = [], []
    for number in range(ROUNDS + 1):
        start = time.perf_counter()
        with ModelRun(root, "cnn", StageState("train@cnn", {"number": number}, {}), PARAMS).start() as run:
            opened = time.perf_counter()
            for epoch in range(EPOCHS):
                run.log_metrics(dict.fromkeys(FIGURES + SPEED, 0.5), step=epoch)
            logged = time.perf_counter()
            run.complete()
        epochs.append((logged - opened) / EPOCHS)
        once.append(opened - start + time.perf_counter() - logged)
    return statistics.median(once[1:]), statistics.median(epochs[1:])


def paired_epochs(root: Path) -> tuple[list[float], list[float]]:
    """Seconds of an epoch without and with a run that logs it, in turns, so that a slow moment hits both."""
    images = torch.randint(0, 256, (NUM_FACES, 48, 48, 1), dtype=torch.uint8)  # what they show takes no time
    data = LabelledImages(images=images, labels=torch.arange(NUM_FACES) % 7)
    plain, tracked = [], []
    for number in range(ROUNDS):
        plain.append(epoch_seconds(data, None))
        with ModelRun(root, "cnn", StageState("train@cnn", {"pair": number}, {}), PARAMS).start() as run:
            tracked.append(epoch_seconds(data, run))
    return plain, tracked


def epoch_seconds(data: LabelledImages, run: ModelRun | None) -> float:
    """One pass of the small cnn, with what the stage logs of it."""
    classifier = Classifier(architecture("cnn", num_classes=7, size=48, channels=1, max_stride=16), mean=0.5, std=0.25)
    start = time.perf_counter()
    for epoch in train(classifier, data, data, replace(PARAMS.train.config, epochs=1), seed=0, device=best_device()):
        if run is not None:
            run.log_metrics(dict.fromkeys(FIGURES + SPEED, 0.5), step=epoch.epoch)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
