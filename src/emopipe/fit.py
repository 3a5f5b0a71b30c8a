"""From tables to a trained model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from emopipe.calibration import fit_temperature
from emopipe.faces import Faces
from emopipe.params import Params
from emopipe.predict import best_device
from emopipe.predictions import Predictions
from emopipe.pretrained import digest_of
from emopipe.progress import TrainingBar
from emopipe.teaching import soft_targets, vote_targets
from emopipe.tensors import labelled_images, training_images
from emopipe.training.checkpoint import TrainedModel
from emopipe.training.classifier import Classifier
from emopipe.training.data import LabelledImages
from emopipe.training.learner import Epoch
from emopipe.training.loop import EVALUATION_BATCH, train
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
    params: Params,
    run: MetricLog,
    start: Path | None = None,
    teacher: Predictions | None = None,
    interrupted: Path | None = None,
) -> tuple[TrainedModel, pd.DataFrame]:
    """Train the network `name`; the calibrated model of its best epoch, and a row per epoch (columns `HISTORY`).

    start: weights to start from. teacher: predictions of the training faces, to learn from. interrupted: where the
    training keeps what it needs to go on after an interruption; it is gone at the end.
    """
    base, image, config = params.base, params.image, params.train.config
    wanted = architecture(
        name, num_classes=len(base.classes), size=image.size, channels=image.channels, max_stride=config.max_stride
    )
    torch.manual_seed(base.seed)
    network = build_network(wanted, start)  # before the pictures are decoded, which takes longer
    training = _training_data(clean, training_set, params, wanted.size, teacher)
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
            run.log_metrics(figures | _speed(epoch, len(training)), step=epoch.epoch)
    classifier.temperature = fit_temperature(mean_logits(classifier, validation), validation.labels.numpy())
    history = pd.DataFrame([{key: getattr(epoch, key) for key in HISTORY} for epoch in epochs])
    trained = TrainedModel(
        classifier=classifier.to("cpu"), classes=base.classes, training=_told(name, params, start) | _outcome(epochs)
    )
    return trained, history


def _training_data(
    clean: Faces, training_set: TrainingSet, params: Params, size: int, teacher: Predictions | None
) -> LabelledImages:
    classes, told = params.base.classes, params.train
    data = training_images(training_set, clean, classes, size)
    ids, targets = list(training_set.frame["id"]), np.eye(len(classes), dtype=np.float32)[data.labels.numpy()]
    if told.vote_weight > 0:
        targets = vote_targets(ids, targets, clean.split("train"), told.vote_weight)
    if teacher is not None and told.teacher is not None:
        targets = soft_targets(ids, targets, classes, teacher, told.teacher.weight)
    return LabelledImages(images=data.images, labels=data.labels, soft=torch.from_numpy(targets))


def _told(name: str, params: Params, start: Path | None) -> dict[str, Any]:
    """What the training was told, for model.json; weights from the hub are named by their content too."""
    given = asdict(params.train)
    pretrained = given["pretrained"].get(name)
    if start is not None and pretrained == "hub":
        pretrained = {"file": "hub", "sha256": digest_of(start)}
    told = {key: given[key] for key in ("vote_weight", "teacher")} | {
        "pretrained": pretrained,
        "seed": params.base.seed,
    }
    return asdict(params.train.config) | told


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
