"""Seconds to reach validation accuracies: this project's loop against a textbook loop and the ultralytics trainer.

Run it after `dvc repro balance`, once per loop, on an idle machine:

    python benchmarks/time_to_accuracy.py engine --minutes 30 --out times/engine.csv
    python benchmarks/time_to_accuracy.py textbook --minutes 90 --out times/textbook.csv
    python benchmarks/time_to_accuracy.py ultralytics --minutes 90 --out times/ultralytics.csv
    python benchmarks/time_to_accuracy.py ultralytics --size 64 --optimizer SGD --minutes 90 --out times/sgd64.csv
    python benchmarks/time_to_accuracy.py compare times/*.csv

`engine` trains cnn with params.yaml. `textbook` trains resnet18, as published, in the loop of textbook.py.
`ultralytics` trains yolov8n-cls from scratch with its trainer and its defaults, except for the options; its default
optimizer, Muon in bfloat16, takes seconds per step on a processor without bfloat16. `--minutes` is the time budget, to
which engine and ultralytics fit their schedules. Seconds cover training and validation, without reading the data.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import textbook
import torch

from emopipe.core.files import read_parquet, write_csv
from emopipe.core.params import Params, load_params
from emopipe.faces.table import faces_from_arrow
from emopipe.faces.training_set import training_set_from_arrow
from emopipe.training.classifier import Classifier
from emopipe.training.data import LabelledImages
from emopipe.training.loop import measure, train
from emopipe.training.networks import architecture, build_network
from emopipe.training.networks.ultralytics_networks import ENVIRONMENT
from emopipe.training.predict import best_device
from emopipe.training.tensors import labelled_images, training_images

TARGETS = (0.34, 0.60, 0.65)
MAX_EPOCHS, BATCH = 1000, 64
PUBLISHED_STRIDE = 32
"""Total stride of resnet18 as published."""
Data = tuple[LabelledImages, LabelledImages]
Record = Callable[[float, float], None]
"""Called with the seconds since the start, and the validation accuracy."""


def engine(data: Data, params: Params, minutes: float, record: Record) -> None:
    """This project's loop."""
    base = params.base
    spec = architecture("cnn", num_classes=len(base.classes), size=params.image.size, channels=1, max_stride=16)
    torch.manual_seed(base.seed)
    mean, std = data[0].pixel_statistics()
    config = replace(params.train, epochs=MAX_EPOCHS, max_minutes=minutes)
    classifier = Classifier(spec, mean=mean, std=std)
    start = time.perf_counter()
    for epoch in train(classifier, *data, config, seed=base.seed, device=best_device()):
        record(time.perf_counter() - start, epoch.val_accuracy)


def textbook_loop(data: Data, params: Params, minutes: float, record: Record) -> None:
    """The textbook loop, without a schedule."""
    classes, side = params.base.classes, params.image.size
    spec = architecture("resnet18", num_classes=len(classes), size=side, channels=1, max_stride=PUBLISHED_STRIDE)
    torch.manual_seed(params.base.seed)
    network = build_network(spec).to(best_device())
    classifier = Classifier(spec, mean=0.5, std=0.25, network=network)
    optimizer = textbook.optimizer_of(network)
    with tempfile.TemporaryDirectory() as folder:
        write_split(Path(folder), data[0], classes)
        start = time.perf_counter()
        while time.perf_counter() - start < 60 * minutes:
            network.train()
            for images, labels in textbook.batches(Path(folder), BATCH):
                textbook.step(network, images.to(best_device()), labels.to(best_device()), optimizer)
            _, accuracy = measure(classifier, data[1].to(best_device()))
            record(time.perf_counter() - start, accuracy)


def ultralytics(data: Data, params: Params, minutes: float, record: Record, **options: Any) -> None:
    """The trainer of ultralytics, with a schedule for `minutes`; `options` override its defaults."""
    os.environ.update(ENVIRONMENT)
    from ultralytics import YOLO, settings

    settings.update(dict.fromkeys(("dvc", "mlflow", "sync"), False))  # they would log to the store of this project
    start, last = time.perf_counter(), -1

    def on_epoch(trainer: Any) -> None:
        nonlocal last
        if trainer.epoch > last and not trainer.stop:  # the best epoch is reported again at the end
            last = trainer.epoch
            record(time.perf_counter() - start, float(trainer.metrics["metrics/accuracy_top1"]))

    with tempfile.TemporaryDirectory() as folder:
        for name, part in zip(("train", "val"), data, strict=True):
            write_split(Path(folder) / "data" / name, part, params.base.classes)
        model = YOLO("yolov8n-cls.yaml", task="classify")
        model.add_callback("on_fit_epoch_end", on_epoch)
        device = 0 if best_device() == "cuda" else "cpu"
        data_folder, hours = str(Path(folder) / "data"), minutes / 60
        start = time.perf_counter()
        model.train(
            data=data_folder, time=hours, device=device, plots=False, project=folder, seed=params.base.seed, **options
        )


def write_split(folder: Path, data: LabelledImages, classes: tuple[str, ...]) -> None:
    """Write images in folders by class; numbers before the names keep the order of the classes."""
    names = [f"{label}_{classes[label]}" for label in data.labels.tolist()]
    textbook.write_folders(folder, data.images.numpy(), names)


def compare(files: list[Path]) -> None:
    """Print the seconds of each loop to each target, and their ratios to those of the first file."""
    tables = {file.stem: pd.read_csv(file) for file in files}
    times = pd.DataFrame(
        {name: {target: first(table, target) for target in TARGETS} for name, table in tables.items()}
    ).T
    best = pd.Series({name: table["val_accuracy"].max() for name, table in tables.items()}, name="best")
    total = pd.Series({name: table["seconds"].max() for name, table in tables.items()}, name="total")
    print("seconds to a validation accuracy; NaN: not reached\n", times.join([best, total]).round(3))
    print("\nratio to the first\n", (times / times.iloc[0]).round(2))


def first(table: pd.DataFrame, target: float) -> float:
    """Seconds until `target` is first reached."""
    return float(table.loc[table["val_accuracy"] >= target, "seconds"].min())


LOOPS: dict[str, Callable[..., None]] = {"engine": engine, "textbook": textbook_loop, "ultralytics": ultralytics}


def main() -> None:
    """Run one loop, or compare files of several."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*LOOPS, "compare"])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--size", type=int, help="image size in pixels, for ultralytics only")
    parser.add_argument("--optimizer", help="for ultralytics only")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.what != "compare" and options.out is None:
        parser.error("--out is required: the CSV file for the times")
    overrides = {"imgsz": options.size, "optimizer": options.optimizer}
    overrides = {name: value for name, value in overrides.items() if value is not None}
    if overrides and options.what != "ultralytics":
        parser.error("--size and --optimizer are for ultralytics only")
    if options.what == "compare":
        compare(options.files)
        return
    params = load_params(Path("params.yaml"))
    clean = faces_from_arrow(read_parquet(Path("build/clean.parquet")))
    training_set = training_set_from_arrow(read_parquet(Path("build/train.parquet")))
    size, classes = params.image.size, params.base.classes
    data = (
        training_images(training_set, clean, classes, size),
        labelled_images(clean.split("val"), classes, size),
    )
    points: list[tuple[float, float]] = []

    def record(seconds: float, accuracy: float) -> None:
        points.append((seconds, accuracy))
        print(f"{seconds:7.0f} s  {accuracy:.3f}", flush=True)
        write_csv(options.out, pd.DataFrame(points, columns=["seconds", "val_accuracy"]))

    LOOPS[options.what](data, params, options.minutes, record, **overrides)


if __name__ == "__main__":
    main()
