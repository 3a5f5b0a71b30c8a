"""From tables to a trained model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from emopipe.core.params import BaseParams, ImageParams
from emopipe.faces.predictions import Predictions
from emopipe.faces.table import Faces
from emopipe.faces.training_set import TrainingSet
from emopipe.training.calibration import fit_temperature
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.classifier import Classifier
from emopipe.training.data import LabelledImages
from emopipe.training.distillation import soft_targets, vote_targets
from emopipe.training.loop import EVALUATION_BATCH, train
from emopipe.training.networks import architecture, build_network
from emopipe.training.params import TrainParams
from emopipe.training.predict import best_device
from emopipe.training.pretrained import digest_of
from emopipe.training.progress import TrainingBar
from emopipe.training.tensors import labelled_images, training_images
from emopipe.training.training_state import Epoch

HISTORY = ("epoch", "learning_rate", "train_loss", "val_loss", "val_accuracy")


class MetricLog(Protocol):
    """Receives the metrics of each epoch."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Take metrics by name."""


def train_model(
    name: str,
    clean: Faces,
    training_set: TrainingSet,
    *,
    base: BaseParams,
    image: ImageParams,
    params: TrainParams,
    metrics: MetricLog,
    start: Path | None = None,
    teacher: Predictions | None = None,
    interrupted: Path | None = None,
) -> tuple[TrainedModel, pd.DataFrame]:
    """Train the network `name`; the calibrated model of its best epoch, and a row per epoch (columns `HISTORY`).

    start: weights to start from. teacher: predictions of the training faces, to learn from. interrupted: where the
    training keeps what it needs to go on after an interruption; it is gone at the end.
    """
    config = params.config
    wanted = architecture(
        name, num_classes=len(base.classes), size=image.size, channels=image.channels, max_stride=config.max_stride
    )
    torch.manual_seed(base.seed)
    network = build_network(wanted, start)  # before the pictures are decoded, which takes longer
    training = _training_data(clean, training_set, base.classes, params, wanted.size, teacher)
    validation = labelled_images(clean.split("val"), base.classes, wanted.size)
    mean, std = training.pixel_statistics()
    classifier = Classifier(wanted, mean=mean, std=std, views=config.test_time_augmentation, network=network)
    epochs, seed, device = [], base.seed, best_device()
    with TrainingBar(name, len(training)) as bar:
        for epoch in train(
            classifier, training, validation, config, seed=seed, device=device, watch=bar.step, interrupted=interrupted
        ):
            epochs.append(epoch)
            bar.epoch(epoch)
            figures = {f"epoch/{key}": getattr(epoch, key) for key in HISTORY[1:]}
            metrics.log_metrics(figures | _speed(epoch, len(training)), step=epoch.epoch)
    classifier.temperature = fit_temperature(mean_logits(classifier, validation), validation.labels.numpy())
    history = pd.DataFrame([{key: getattr(epoch, key) for key in HISTORY} for epoch in epochs])
    settings = training_settings(name, params, start) | {"seed": seed} | _outcome(epochs)
    return TrainedModel(classifier=classifier.to("cpu"), classes=base.classes, training=settings), history


def _training_data(
    clean: Faces,
    training_set: TrainingSet,
    classes: Sequence[str],
    params: TrainParams,
    size: int,
    teacher: Predictions | None,
) -> LabelledImages:
    data = training_images(training_set, clean, classes, size)
    ids, targets = list(training_set.frame["id"]), np.eye(len(classes), dtype=np.float32)[data.labels.numpy()]
    if params.vote_weight > 0:
        targets = vote_targets(ids, targets, clean.split("train"), params.vote_weight)
    if teacher is not None and params.teacher is not None:
        targets = soft_targets(ids, targets, classes, teacher, params.teacher.weight)
    return LabelledImages(images=data.images, labels=data.labels, soft=torch.from_numpy(targets))


def training_settings(name: str, params: TrainParams, start: Path | None) -> dict[str, Any]:
    """Parameters of the training, for model.json; weights from the hub are named by their content too."""
    given = asdict(params)
    pretrained = given["pretrained"].get(name)
    if start is not None and pretrained == "hub":
        pretrained = {"file": "hub", "sha256": digest_of(start)}
    return asdict(params.config) | {key: given[key] for key in ("vote_weight", "teacher")} | {"pretrained": pretrained}


def _speed(epoch: Epoch, num_faces: int) -> dict[str, float]:
    """What the same training takes otherwise elsewhere: not for a DVC out."""
    return {"time/epoch_seconds": epoch.seconds, "time/images_per_second": num_faces / epoch.seconds}


def _outcome(epochs: Sequence[Epoch]) -> dict[str, int]:
    """How many epochs were laid out, which a time budget decides, and which was the best."""
    best = max((epoch for epoch in epochs if epoch.is_best), key=lambda epoch: epoch.epoch)
    return {"num_epochs": best.num_epochs, "best_epoch": best.epoch}


@torch.inference_mode()
def mean_logits(classifier: Classifier, data: LabelledImages) -> np.ndarray:
    """Logits float32 (N, K) of `data`, the mean over the model's views, in evaluation mode."""
    classifier.eval()
    device = next(classifier.parameters()).device
    parts = [classifier.mean_logits(images.to(device)) for images in data.images.split(EVALUATION_BATCH)]
    return torch.cat(parts).float().cpu().numpy()
