"""From tables to a trained model."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Protocol

import pandas as pd
import torch
from tqdm import tqdm

from emopipe.faces import Faces
from emopipe.params import BaseParams, ImageParams
from emopipe.predict import best_device
from emopipe.tensors import labelled_images, training_images
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.loop import Epoch, train
from emopipe.training.networks import architecture, build_network
from emopipe.training_set import TrainingSet

HISTORY = ("epoch", "learning_rate", "train_loss", "val_loss", "val_accuracy")


class MetricLog(Protocol):
    """Whoever wants the figures of each epoch."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Take figures by name."""


def fit(
    name: str,
    clean: Faces,
    training_set: TrainingSet,
    *,
    base: BaseParams,
    image: ImageParams,
    config: TrainConfig,
    run: MetricLog,
) -> tuple[TrainedModel, pd.DataFrame]:
    """Train the network `name`; the model of its best epoch, and one row per epoch with the columns of `HISTORY`."""
    wanted = architecture(name, num_classes=len(base.classes), size=image.size, channels=image.channels)
    build_network(wanted)  # once to see that it can be: pictures take longer to decode
    training = training_images(training_set, clean, base.classes, wanted.size)
    validation = labelled_images(clean.split("val"), base.classes, wanted.size)
    mean, std = training.pixel_statistics()
    torch.manual_seed(base.seed)
    classifier = Classifier(wanted, mean=mean, std=std)
    track = partial(tqdm, desc=name, unit=" batches", leave=False, disable=None)
    epochs = []
    passes = train(classifier, training, validation, config, seed=base.seed, device=best_device(), track=track)
    for epoch in passes:
        epochs.append(epoch)
        print(epoch_line(name, epoch, len(training)), flush=True)
        run.log_metrics({f"epoch/{key}": getattr(epoch, key) for key in HISTORY[1:]}, step=epoch.epoch)
    best = max((epoch for epoch in epochs if epoch.is_best), key=lambda epoch: epoch.epoch)
    outcome = asdict(config) | {"seed": base.seed, "num_epochs": best.num_epochs, "best_epoch": best.epoch}
    history = pd.DataFrame([{key: getattr(epoch, key) for key in HISTORY} for epoch in epochs])
    return TrainedModel(classifier=classifier.to("cpu"), classes=base.classes, training=outcome), history


def epoch_line(name: str, epoch: Epoch, num_faces: int) -> str:
    """One line for a person who watches: figures, speed, and the time left."""
    left = time.strftime("%H:%M:%S", time.gmtime(epoch.seconds * (epoch.num_epochs - epoch.epoch)))
    best = "  best so far" if epoch.is_best else ""
    return (
        f"{name}  epoch {epoch.epoch}/{epoch.num_epochs}  loss {epoch.train_loss:.3f}  "
        f"val loss {epoch.val_loss:.3f}  val accuracy {epoch.val_accuracy:.3f}  "
        f"{num_faces / epoch.seconds:.0f} images/s  {left} left{best}"
    )
