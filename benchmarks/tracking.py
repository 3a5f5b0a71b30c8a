"""The cost of tracking for a training: its parts, and whole trainings with and without MLflow.

`python benchmarks/tracking.py` measures the seconds per run (parameters, commit, machine, closing) and per epoch, as a
share of five minutes of short epochs: the small cnn on the sample. The thread that samples system metrics is measured
over a pause. `--pairs 1` also trains for about five minutes without and with a run; use an idle machine.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from emopipe.core.params import load_params
from emopipe.core.state import StageState
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import connect
from emopipe.training.classifier import Classifier
from emopipe.training.data import LabelledImages
from emopipe.training.loop import train
from emopipe.training.networks import architecture
from emopipe.training.predict import best_device

ROUNDS, EPOCHS, NUM_FACES, MONITOR_SECONDS = 5, 5, 1024, 45
TRAINING_SECONDS, EPOCH_SECONDS = 300, 5
PARAMS = load_params(Path("params.yaml"))
METRICS = ("epoch/learning_rate", "epoch/train_loss", "epoch/val_loss", "epoch/val_accuracy")
SPEED = ("time/epoch_seconds", "time/images_per_second")
CLOCKS = {"clock": time.perf_counter, "processor": time.process_time}


def main() -> None:
    """Print seconds and shares, by each clock."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=0, help="pairs of five-minute trainings (default: 0)")
    num_pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        connect(Path(folder))  # create the store once
        logging = [logging_seconds(Path(folder), number) for number in range(ROUNDS + 1)][1:]  # the first imports
        monitor = monitor_share(Path(folder))
    print(f"sampling system metrics takes {monitor:.2%} of one core")
    for clock in CLOCKS:
        once, per_epoch = (statistics.median(run[part][clock] for run in logging) for part in ("once", "epoch"))
        share = (once + per_epoch * TRAINING_SECONDS / EPOCH_SECONDS) / TRAINING_SECONDS
        print(
            f"{clock:9s}  {once:.2f} s once per run, {per_epoch * 1000:.0f} ms per epoch: {share:.2%} of "
            f"{TRAINING_SECONDS} s of {EPOCH_SECONDS} s epochs"
        )
    epochs = round(TRAINING_SECONDS / training_seconds(5, None)["clock"] * 5) if num_pairs else 0
    for number in range(num_pairs):
        without, tracked = pair(number, epochs)
        for clock in CLOCKS:
            change = tracked[clock] / without[clock] - 1
            print(
                f"{clock:9s}  {epochs} epochs, {without[clock]:.1f} s without, {tracked[clock]:.1f} with: {change:+.2%}"
            )


def logging_seconds(root: Path, number: int) -> dict[str, dict[str, float]]:
    """Seconds once per run, and per epoch."""
    started = now()
    with ModelRun(root, "cnn", StageState("train@cnn", {"number": number}, {}), PARAMS).start() as run:
        opened = now()
        for epoch in range(EPOCHS):
            run.log_metrics(dict.fromkeys(METRICS + SPEED, 0.5), step=epoch)
        logged = now()
        run.complete()
    ended = now()
    return {
        "once": {clock: opened[clock] - started[clock] + ended[clock] - logged[clock] for clock in CLOCKS},
        "epoch": {clock: (logged[clock] - opened[clock]) / EPOCHS for clock in CLOCKS},
    }


def monitor_share(root: Path) -> float:
    """Processor seconds per second of an open run that logs nothing."""
    with ModelRun(root, "cnn", StageState("train@cnn", {"monitored": True}, {}), PARAMS).start():
        started = now()
        time.sleep(MONITOR_SECONDS)
        ended = now()
    return (ended["processor"] - started["processor"]) / (ended["clock"] - started["clock"])


def pair(number: int, epochs: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of a training without and with a run, in alternating order."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        connect(Path(folder))
        for tracked in (False, True) if number % 2 == 0 else (True, False):
            run = ModelRun(Path(folder), "cnn", StageState("train@cnn", {"pair": number}, {}), PARAMS)
            seconds[tracked] = training_seconds(epochs, run if tracked else None)
    return seconds[False], seconds[True]


def training_seconds(epochs: int, tracked: ModelRun | None) -> dict[str, float]:
    """Seconds of a training of the small cnn, with the metrics that the stage logs."""
    images = torch.randint(0, 256, (NUM_FACES, 48, 48, 1), dtype=torch.uint8)  # the content does not matter
    data = LabelledImages(images=images, labels=torch.arange(NUM_FACES) % 7)
    classifier = Classifier(architecture("cnn", num_classes=7, size=48, channels=1, max_stride=16), mean=0.5, std=0.25)
    config = replace(PARAMS.train, epochs=epochs)
    started = now()
    with tracked.start() if tracked is not None else nullcontext() as run:
        for epoch in train(classifier, data, data, config, seed=0, device=best_device()):
            if run is not None:
                run.log_metrics(dict.fromkeys(METRICS + SPEED, 0.5), step=epoch.epoch)
        if run is not None:
            run.complete()
    ended = now()
    return {clock: ended[clock] - started[clock] for clock in CLOCKS}


def now() -> dict[str, float]:
    """Both clocks, in seconds."""
    return {clock: read() for clock, read in CLOCKS.items()}


if __name__ == "__main__":
    main()
