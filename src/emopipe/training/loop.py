"""One plain training loop for every network.

Shapes: N pictures of a batch, S side, C channels of a picture, D channels of the network's input, K classes.
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
from emopipe.training.imbalance import ClassCorrection, class_correction, draw_order, training_loss
from emopipe.training.optimisers import make_optimizers, rate_at, set_rate
from emopipe.training.training_state import Epoch, TrainingState
from emopipe.training.weight_average import WeightAverage

MAX_GRADIENT_NORM = 5.0
EVALUATION_BATCH = 256
SAVE_SECONDS = 30.0
COMPILERS = ("g++", "clang++", "gcc", "clang")

Watch = Callable[[int, int, Tensor], None]
"""Called after each step with the number of passes laid out, of faces in the step, and the loss, ()."""


def train(
    classifier: Classifier,
    training: LabelledImages,
    validation: LabelledImages,
    config: TrainConfig,
    *,
    seed: int,
    device: str,
    watch: Watch = lambda num_epochs, num_faces, loss: None,
    interrupted: Path | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Iterator[Epoch]:
    """Train `classifier` in place, yielding after each pass; at the end it holds the weights of the best epoch.

    On one machine type, the same seed on the CPU gives the same weights, bit by bit. At most every `save_seconds` all
    is written to the file `interrupted`; where it exists at the start, the training that wrote it goes on, its passes
    are yielded first, and it ends as if it had not been interrupted. Raises `ModelError` when the loss is no longer
    finite.
    """
    classifier.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    training, validation = training.to(device), validation.to(device)
    correction = class_correction(training.class_counts(classifier.architecture.num_classes), config.imbalance)
    learner = TrainingState(
        classifier=classifier,
        average=WeightAverage(classifier, config.ema_decay),
        optimizers=make_optimizers(classifier, config),
        generator=torch.Generator().manual_seed(seed),
        device=device,
    )
    if config.compile:
        _compile(classifier.network)
    if interrupted is not None and learner.restore(interrupted):
        yield from learner.history
        num_epochs = learner.history[0].num_epochs
    else:
        num_epochs = _num_epochs(learner, training, validation, correction, config)
    saved = time.perf_counter()
    for number in range(len(learner.history) + 1, num_epochs + 1):
        epoch = _pass(learner, training, validation, correction, config, number, num_epochs, watch)
        learner.end_epoch(epoch)
        if interrupted is not None and time.perf_counter() - saved >= save_seconds:
            learner.save(interrupted)
            saved = time.perf_counter()
        yield epoch
    classifier.load_state_dict(learner.best)


def _compile(network: nn.Module) -> None:
    if not any(map(shutil.which, COMPILERS)):
        raise ModelError(
            f"train.compile needs a compiler, one of {', '.join(COMPILERS)}: install one, or set it to false"
        )
    network.compile()


def _pass(
    learner: TrainingState,
    training: LabelledImages,
    validation: LabelledImages,
    correction: ClassCorrection,
    config: TrainConfig,
    number: int,
    num_epochs: int,
    watch: Watch,
) -> Epoch:
    start, losses = time.perf_counter(), []
    learner.classifier.train()
    batches = _batches(training, config, learner.generator)
    first, num_steps = (number - 1) * len(batches), num_epochs * len(batches)
    for count, batch in enumerate(batches, start=first):
        set_rate(learner.optimizers, rate_at(count, num_steps, config))
        losses.append(step(learner, training, batch, correction, config))
        learner.average.update(count)
        watch(num_epochs, len(batch), losses[-1])
    train_loss = torch.stack(losses).mean().item()
    if not math.isfinite(train_loss):
        raise ModelError(f"the loss is {train_loss} in epoch {number}: lower train.learning_rate")
    val_loss, val_accuracy = measure(learner.average.network, validation)
    best = max(((past.val_accuracy, -past.val_loss) for past in learner.history), default=(-1.0, 0.0))
    return Epoch(
        epoch=number,
        num_epochs=num_epochs,
        learning_rate=learner.optimizers[0].param_groups[0]["lr"],
        train_loss=train_loss,
        val_loss=val_loss,
        val_accuracy=val_accuracy,
        is_best=(val_accuracy, -val_loss) > best,
        seconds=time.perf_counter() - start,
    )


def step(
    learner: TrainingState,
    data: LabelledImages,
    batch: Tensor,
    correction: ClassCorrection,
    config: TrainConfig,
) -> Tensor:
    """One update from the pictures with the row numbers `batch` (N,), which are changed at random; the loss, ()."""
    batch = batch.to(data.labels.device)
    inputs, targets = augment_batch(learner.classifier, data, batch, config, learner.generator)
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=in_bfloat16(config, inputs.device.type)):
        logits = learner.classifier.classify(inputs)  # (N, K)
    loss = training_loss(logits, targets, correction)
    learner.classifier.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(learner.classifier.parameters(), MAX_GRADIENT_NORM)
    for optimizer in learner.optimizers:
        optimizer.step()
    return loss.detach()


def augment_batch(
    classifier: Classifier,
    data: LabelledImages,
    batch: Tensor,
    config: TrainConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """What the network is shown of the rows `batch` (N,): inputs (N, D, S, S), and targets (N, K)."""
    affine = random_affine(len(batch), config.augment, generator)
    scaled = data.images[batch].permute(0, 3, 1, 2).float() / 255  # (N, C, S, S)
    seen = jitter_brightness_contrast(apply_affine(scaled, affine), config.augment, generator)
    inputs = random_erasing(classifier.preprocess.normalise(seen), config.augment.random_erasing, generator)
    targets = data.targets(batch, classifier.architecture.num_classes)
    smoothed = (1 - config.label_smoothing) * targets + config.label_smoothing / targets.shape[1]
    return mixup_or_cutmix(inputs, smoothed, config.augment, generator)


def in_bfloat16(config: TrainConfig, device: str) -> bool:
    """Whether layers compute in bfloat16, with weights and sums in float32."""
    if config.precision == "auto":
        return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return config.precision == "bfloat16"


def measure(classifier: nn.Module, data: LabelledImages) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over `data`, in evaluation mode, of one view of each face."""
    loss, num_correct = 0.0, 0
    classifier.eval()
    with torch.inference_mode():
        for rows in torch.arange(len(data), device=data.labels.device).split(EVALUATION_BATCH):
            images, labels = data.images[rows], data.labels[rows]
            logits = classifier(images)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            num_correct += int((logits.argmax(1) == labels).sum())
    return loss / len(data), num_correct / len(data)


def _batches(data: LabelledImages, config: TrainConfig, generator: torch.Generator) -> list[Tensor]:
    """Row numbers in random order, in near-equal parts: batch norm fails on a last batch of one."""
    order = draw_order(data.labels.cpu(), config.imbalance.resample_exponent, generator)
    return list(order.tensor_split(-(-len(data) // config.batch_size)))


def _num_epochs(
    learner: TrainingState,
    training: LabelledImages,
    validation: LabelledImages,
    correction: ClassCorrection,
    config: TrainConfig,
) -> int:
    """`config.epochs`, or as many as the time budget holds; a copy of the learner is timed, and nothing changes."""
    if config.max_minutes is None:
        return config.epochs
    trial = copy.deepcopy(learner.classifier).train()
    copied = TrainingState(
        classifier=trial,
        average=WeightAverage(trial, config.ema_decay),
        optimizers=make_optimizers(trial, config),
        generator=torch.Generator().manual_seed(0),
        device=learner.device,
    )
    batches = _batches(training, config, copied.generator)

    def one_step() -> None:
        step(copied, training, batches[0], correction, config).item()
        copied.average.update(0)

    with torch.random.fork_rng():
        return epochs_within(
            config.max_minutes,
            step=one_step,
            validate=lambda: measure(copied.average.network, validation),
            steps_per_epoch=len(batches),
            most=config.epochs,
        )
