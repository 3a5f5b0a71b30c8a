"""One training loop for all networks.

Shapes: N images of a batch, S side, C channels of an image, D channels of the network's input, K classes.
"""

import copy
import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emopipe.core.errors import ModelError
from emopipe.training.augment import (
    apply_affine,
    jitter_brightness_contrast,
    mixup_or_cutmix,
    random_affine,
    random_erasing,
)
from emopipe.training.budget import epochs_within
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.imbalance import draw_order, training_loss
from emopipe.training.optimisers import freeze_backbone, rate_at, set_rate
from emopipe.training.training_state import Epoch, TrainingState

MAX_GRADIENT_NORM = 5.0
EVALUATION_BATCH = 256
SAVE_SECONDS = 30.0
COMPILERS = ("g++", "clang++", "gcc", "clang")

OnStep = Callable[[int, int, Tensor], None]
"""Called after each step with the epochs of the schedule, the faces of the batch, and the loss, ()."""


def train(
    classifier: Classifier,
    training: LabelledImages,
    validation: LabelledImages,
    config: TrainConfig,
    *,
    seed: int,
    device: str,
    on_step: OnStep = lambda num_epochs, num_faces, loss: None,
    state_file: Path | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Iterator[Epoch]:
    """Train `classifier` in place, yielding each epoch; at the end it has the weights of the best epoch.

    On one type of machine, a seed on the CPU gives the same weights, bit by bit. The state is saved to `state_file` at
    most every `save_seconds`. If the file exists at the start, the training resumes: its epochs are yielded first, and
    the result is that of an uninterrupted training. Raises `ModelError` if the loss is not finite.
    """
    classifier.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    training, validation = training.to(device), validation.to(device)
    state = TrainingState.create(classifier, training, config, seed=seed)
    if config.compile:
        _compile(classifier.network)
    if state_file is not None and state.restore(state_file):
        yield from state.history
        num_epochs = state.history[0].num_epochs
    else:
        num_epochs = _num_epochs(state, training, validation)
    saved = time.perf_counter()
    remaining = [] if state.is_exhausted else range(len(state.history) + 1, num_epochs + 1)
    for number in remaining:
        epoch = _run_epoch(state, training, validation, number, num_epochs, on_step)
        state.end_epoch(epoch)
        if state_file is not None and time.perf_counter() - saved >= save_seconds:
            state.save(state_file)
            saved = time.perf_counter()
        yield epoch
        if state.is_exhausted:
            break
    classifier.load_state_dict(state.best)


def _compile(network: nn.Module) -> None:
    if not any(map(shutil.which, COMPILERS)):
        raise ModelError(
            f"train.compile needs a compiler, one of {', '.join(COMPILERS)}: install one, or set it to false"
        )
    network.compile()


def _run_epoch(
    state: TrainingState,
    training: LabelledImages,
    validation: LabelledImages,
    number: int,
    num_epochs: int,
    on_step: OnStep,
) -> Epoch:
    start, losses = time.perf_counter(), []
    state.classifier.train()
    freeze_backbone(state.classifier, frozen=number <= state.config.frozen_epochs)
    batches = _batches(training, state)
    first, num_steps = (number - 1) * len(batches), num_epochs * len(batches)
    for count, batch in enumerate(batches, start=first):
        set_rate(state.optimizers, rate_at(count, num_steps, state.config))
        losses.append(step(state, training, batch))
        state.average.update(count)
        on_step(num_epochs, len(batch), losses[-1])
    train_loss = torch.stack(losses).mean().item()
    if not math.isfinite(train_loss):
        raise ModelError(f"the loss is {train_loss} in epoch {number}: lower train.learning_rate")
    val_loss, val_accuracy = measure(state.average.network, validation)
    best = max(((past.val_accuracy, -past.val_loss) for past in state.history), default=(-1.0, 0.0))
    return Epoch(
        epoch=number,
        num_epochs=num_epochs,
        learning_rate=rate_at(num_steps * number // num_epochs - 1, num_steps, state.config),
        train_loss=train_loss,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        is_best=(val_accuracy, -val_loss) > best,
        seconds=time.perf_counter() - start,
    )


def step(state: TrainingState, data: LabelledImages, batch: Tensor) -> Tensor:
    """Update the weights on the rows `batch` (N,), augmented; returns the loss, ()."""
    inputs, targets = augment_batch(state, data, batch.to(data.labels.device))
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=in_bfloat16(state.config, inputs.device.type)):
        logits = state.classifier.classify(inputs)  # (N, K)
    loss = training_loss(logits, targets, state.correction)
    state.classifier.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.classifier.parameters(), MAX_GRADIENT_NORM)
    for optimizer in state.optimizers:
        optimizer.step()
    return loss.detach()


def augment_batch(state: TrainingState, data: LabelledImages, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs (N, D, S, S) and targets (N, K) of the rows `batch` (N,)."""
    config, generator = state.config.augment, state.generator
    affine = random_affine(len(batch), config, generator)
    scaled = data.images[batch].permute(0, 3, 1, 2).float() / 255  # (N, C, S, S)
    jittered = jitter_brightness_contrast(apply_affine(scaled, affine), config, generator)
    inputs = random_erasing(state.classifier.preprocess.normalise(jittered), config.random_erasing, generator)
    targets = data.targets(batch, state.classifier.architecture.num_classes)
    smoothing = state.config.label_smoothing
    smoothed = (1 - smoothing) * targets + smoothing / targets.shape[1]
    return mixup_or_cutmix(inputs, smoothed, config, generator)


def in_bfloat16(config: TrainConfig, device: str) -> bool:
    """Whether layers compute in bfloat16; weights and sums stay in float32."""
    if config.precision == "auto":
        return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return config.precision == "bfloat16"


def measure(classifier: nn.Module, data: LabelledImages) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over `data`, in evaluation mode, with one view of each face."""
    loss, num_correct = 0.0, 0
    classifier.eval()
    with torch.inference_mode():
        for rows in torch.arange(len(data), device=data.labels.device).split(EVALUATION_BATCH):
            images, labels = data.images[rows], data.labels[rows]
            logits = classifier(images)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            num_correct += int((logits.argmax(1) == labels).sum())
    return loss / len(data), num_correct / len(data)


def _batches(data: LabelledImages, state: TrainingState) -> list[Tensor]:
    """Row numbers in random order, in near-equal parts: batch norm fails on a last batch of one."""
    order = draw_order(data.labels.cpu(), state.config.imbalance.resample_exponent, state.generator)
    return list(order.tensor_split(-(-len(data) // state.config.batch_size)))


def _num_epochs(state: TrainingState, training: LabelledImages, validation: LabelledImages) -> int:
    """`config.epochs`, or as many as fit the time budget; a copy is timed, so `state` stays unchanged."""
    config = state.config
    if config.max_minutes is None:
        return config.epochs
    trial = TrainingState.create(copy.deepcopy(state.classifier).train(), training, config, seed=0)
    batches = _batches(training, trial)

    def one_step() -> None:
        step(trial, training, batches[0]).item()
        trial.average.update(0)

    with torch.random.fork_rng():
        return epochs_within(
            config.max_minutes,
            step=one_step,
            validate=lambda: measure(trial.average.network, validation),
            steps_per_epoch=len(batches),
            max_epochs=config.epochs,
        )
