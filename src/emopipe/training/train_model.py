"""Training of one network, from tables of faces to a calibrated model."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

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
from emopipe.training.diagnosis import fit_warnings, length_warning
from emopipe.training.distillation import soft_targets, vote_targets
from emopipe.training.loop import EVALUATION_BATCH, train
from emopipe.training.networks import architecture, build_network
from emopipe.training.networks.initial_weights import InitialWeights
from emopipe.training.params import TrainParams
from emopipe.training.predict import best_device
from emopipe.training.progress import TrainingBar
from emopipe.training.released import restore_statistics
from emopipe.training.tensors import labelled_images, training_images
from emopipe.training.training_state import Epoch

NUM_STATISTICS = 512
"""Training faces, at most, from which batch norms get statistics that their weights lack."""
HISTORY = ("epoch", "learning_rate", "train_loss", "val_loss", "val_accuracy")


def train_model(
    name: str,
    clean: Faces,
    training_set: TrainingSet,
    *,
    base: BaseParams,
    image: ImageParams,
    params: TrainParams,
    log_metrics: Callable[..., None],
    initial_weights: InitialWeights | None = None,
    teacher: Predictions | None = None,
    state_file: Path | None = None,
) -> tuple[TrainedModel, pd.DataFrame]:
    """Train the network `name`; returns the calibrated model of its best epoch, and a row per epoch (`HISTORY`).

    It prints a warning if the training was too short, the model has not learnt, or cannot be calibrated.

    params: the recipe of this network. log_metrics: called with the metrics of each epoch by name, and `step`. teacher:
    predictions for the training faces. state_file: see `loop.train`.
    """
    seed, device = base.seed, best_device()
    size = params.image_size or image.size
    spec = architecture(
        name, num_classes=len(base.classes), size=size, channels=image.channels, max_stride=params.max_stride
    )
    torch.manual_seed(seed)
    network = build_network(spec, initial_weights)  # before images are decoded, to report an unknown name early
    training = _training_data(clean, training_set, base.classes, params, spec.size, teacher)
    validation = labelled_images(clean.split("val"), base.classes, spec.size)
    mean, std = training.pixel_statistics()
    classifier = Classifier(spec, mean=mean, std=std, views=params.test_time_augmentation, network=network)
    if initial_weights is not None and not initial_weights.has_statistics:
        restore_statistics(
            network, classifier.preprocess(training.images[:: math.ceil(len(training) / NUM_STATISTICS)])
        )
    epochs = []
    with closing(TrainingBar(name, len(training))) as bar:
        for epoch in train(
            classifier, training, validation, params, seed=seed, device=device, on_step=bar.step, state_file=state_file
        ):
            epochs.append(epoch)
            bar.epoch(epoch)
            log_metrics(_metrics(epoch, len(training)), step=epoch.epoch)
    classifier.temperature = fit_temperature(mean_logits(classifier, validation), validation.labels.numpy())
    history = pd.DataFrame([{key: getattr(epoch, key) for key in HISTORY} for epoch in epochs])
    best = max((epoch for epoch in epochs if epoch.is_best), key=lambda epoch: epoch.epoch)
    steps_per_epoch = math.ceil(len(training) / params.batch_size)
    length = length_warning(len(epochs), steps_per_epoch)
    fit = fit_warnings(best.val_loss, len(base.classes), classifier.temperature)
    for warning in [*length, *fit]:
        print(f"warning: {name} {warning}")
    results = {"seed": seed, "num_epochs": epochs[-1].num_epochs, "best_epoch": best.epoch}
    settings = training_settings(name, params, initial_weights) | results
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
    return replace(data, soft=torch.from_numpy(targets))


def training_settings(name: str, params: TrainParams, initial_weights: InitialWeights | None) -> dict[str, Any]:
    """Parameters of the training, for model.json; weights from the hub or a package are identified by their hash."""
    settings = asdict(params)
    del settings["overrides"]
    pretrained = settings.pop("pretrained").get(name)
    if initial_weights is not None and isinstance(pretrained, str):
        pretrained = {"file": pretrained, "sha256": initial_weights.sha256}
    return settings | {"pretrained": pretrained}


def _metrics(epoch: Epoch, num_faces: int) -> dict[str, float]:
    """Metrics to track: those of the history, and the speed, which is no result and in no DVC out."""
    speed = {"time/epoch_seconds": epoch.seconds, "time/images_per_second": num_faces / epoch.seconds}
    return {f"epoch/{key}": getattr(epoch, key) for key in HISTORY[1:]} | speed


@torch.inference_mode()
def mean_logits(classifier: Classifier, data: LabelledImages) -> np.ndarray:
    """Logits float32 (N, K) of `data`, the mean over the views of the model, in evaluation mode."""
    classifier.eval()
    device = next(classifier.parameters()).device
    parts = [classifier.mean_logits(images.to(device)) for images in data.images.split(EVALUATION_BATCH)]
    return torch.cat(parts).float().cpu().numpy()
