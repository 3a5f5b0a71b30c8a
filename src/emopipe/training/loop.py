"""One plain training loop for every network.

Shapes: N pictures of a batch, S side and D channels of the network's input, K classes.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emopipe.errors import ModelError
from emopipe.training.augment import augment, random_affine
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.data import LabelledImages

WARM_UP = 0.15  # share of the steps in which the rate rises
MAX_GRADIENT_NORM = 5.0
EVALUATION_BATCH = 256
TIMED_STEPS = 4  # for the time budget, after one that is not timed
EPOCH_OVERHEAD = 1.15  # an epoch is longer than its steps: validation, copying the best weights

Track = Callable[[Iterable[Tensor]], Iterable[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one pass over the training set gave."""

    epoch: int
    """From 1."""
    num_epochs: int
    """Passes that are laid out."""
    learning_rate: float
    """At the end of the pass."""
    train_loss: float
    """Mean over the pass, with augmentation, dropout and label smoothing."""
    val_loss: float
    """Cross-entropy without any of these."""
    val_accuracy: float
    is_best: bool
    """Highest validation accuracy so far; the lower loss decides between equals."""
    seconds: float


def train(
    classifier: Classifier,
    training: LabelledImages,
    validation: LabelledImages,
    config: TrainConfig,
    *,
    seed: int,
    device: str,
    track: Track = iter,
) -> Iterator[Epoch]:
    """Train `classifier` in place, yielding after each pass; at the end it holds the weights of the best epoch.

    `track` wraps the batches of a pass, for a progress bar. On one machine type, the same seed on the CPU gives the
    same weights, bit by bit. Raises `ModelError` when the loss is no longer finite.
    """
    classifier.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    training, validation = training.to(device), validation.to(device)
    num_epochs = _num_epochs(classifier, training, config)
    steps = num_epochs * -(-len(training) // config.batch_size)
    optimizer = _optimizer(classifier, config)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=steps + 1, pct_start=WARM_UP
    )
    generator = torch.Generator().manual_seed(seed)
    best, best_weights = (-1.0, 0.0), {}
    for epoch in range(1, num_epochs + 1):
        start, losses = time.perf_counter(), []
        classifier.train()
        for batch in track(_batches(len(training), config.batch_size, generator)):
            affine = random_affine(len(batch), config, generator)
            losses.append(step(classifier, training, batch, affine, optimizer, config))
            schedule.step()
        train_loss = torch.stack(losses).mean().item()
        if not math.isfinite(train_loss):
            raise ModelError(f"the loss is {train_loss} in epoch {epoch}: lower train.learning_rate")
        val_loss, val_accuracy = measure(classifier, validation)
        is_best = (val_accuracy, -val_loss) > best
        if is_best:
            best, best_weights = (val_accuracy, -val_loss), copy.deepcopy(classifier.state_dict())
        yield Epoch(
            epoch=epoch,
            num_epochs=num_epochs,
            learning_rate=optimizer.param_groups[0]["lr"],
            train_loss=train_loss,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            is_best=is_best,
            seconds=time.perf_counter() - start,
        )
    classifier.load_state_dict(best_weights)


def step(
    classifier: Classifier,
    data: LabelledImages,
    batch: Tensor,
    affine: Tensor,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
) -> Tensor:
    """One update from the pictures with the indices `batch` (N,), seen through `affine` (N, 2, 3); the loss, ()."""
    batch = batch.to(data.labels.device)
    scaled = data.images[batch].permute(0, 3, 1, 2).float() / 255  # (N, C, H, W)
    seen = augment(scaled, affine.to(scaled.device), classifier.architecture.size)  # (N, C, S, S)
    logits = classifier.classify(classifier.preprocess.normalise(seen))  # (N, K)
    loss = F.cross_entropy(logits, data.labels[batch], label_smoothing=config.label_smoothing)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(classifier.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return loss.detach()


def measure(classifier: Classifier, data: LabelledImages) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over `data`."""
    loss, num_correct = 0.0, 0
    for images, labels in zip(data.images.split(EVALUATION_BATCH), data.labels.split(EVALUATION_BATCH), strict=True):
        logits = classifier.predict_logits(images)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        num_correct += int((logits.argmax(1) == labels).sum())
    return loss / len(data), num_correct / len(data)


def _batches(num: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Indices in random order, in near-equal parts: batch norm fails on a last batch of one."""
    return list(torch.randperm(num, generator=generator).tensor_split(-(-num // size)))


def _optimizer(classifier: Classifier, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019); only weights with more than one axis decay."""
    decayed = [p for p in classifier.parameters() if p.ndim > 1]
    others = [p for p in classifier.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _num_epochs(classifier: Classifier, data: LabelledImages, config: TrainConfig) -> int:
    """`config.epochs`, or as many as the time budget holds, from the speed of a copy on this machine; at least one."""
    if config.max_minutes is None:
        return config.epochs
    trial = copy.deepcopy(classifier).train()
    optimizer = _optimizer(trial, config)
    batch = torch.arange(min(config.batch_size, len(data)))
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        for count in range(TIMED_STEPS + 1):
            if count == 1:
                start = time.perf_counter()
            affine = random_affine(len(batch), config, generator)
            step(trial, data, batch, affine, optimizer, config).item()
    seconds = (time.perf_counter() - start) / TIMED_STEPS * len(data) / len(batch) * EPOCH_OVERHEAD
    return max(1, min(config.epochs, int(config.max_minutes * 60 / seconds)))
