"""Everything that changes during a training, and its file, from which an interrupted training resumes.

The file holds tensors (safetensors) and JSON: nothing is unpickled.
"""

import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from emopipe.core.atomic import atomic_path
from emopipe.training.classifier import Classifier
from emopipe.training.config import TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.imbalance import ClassCorrection, class_correction
from emopipe.training.optimisers import make_optimizers
from emopipe.training.weight_average import WeightAverage


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Results of one epoch."""

    epoch: int
    """From 1."""
    num_epochs: int
    """Epochs of the schedule."""
    learning_rate: float
    """At the end of the epoch."""
    train_loss: float
    """Mean over the epoch, with augmentation, dropout and label smoothing."""
    val_loss: float
    """Cross-entropy of the averaged weights, without any of these."""
    val_accuracy: float
    is_best: bool
    """Highest validation accuracy so far; ties are broken by the lower validation loss."""
    seconds: float


@dataclass(kw_only=True)
class TrainingState:
    """A network in training.

    generator: source of all random numbers except those of dropout. best: weights of the best epoch so far.
    """

    classifier: Classifier
    config: TrainConfig
    correction: ClassCorrection
    average: WeightAverage
    optimizers: list[torch.optim.Optimizer]
    generator: torch.Generator
    device: str
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)

    @classmethod
    def create(
        cls, classifier: Classifier, training: LabelledImages, config: TrainConfig, *, seed: int
    ) -> "TrainingState":
        """The state before the first step, on the device of `training`, where `classifier` must be too."""
        counts = training.class_counts(classifier.architecture.num_classes)
        return cls(
            classifier=classifier,
            config=config,
            correction=class_correction(counts, config.imbalance),
            average=WeightAverage(classifier, config.ema_decay),
            optimizers=make_optimizers(classifier, config),
            generator=torch.Generator().manual_seed(seed),
            device=training.labels.device.type,
        )

    def end_epoch(self, epoch: Epoch) -> None:
        """Append `epoch` to the history, and copy the weights if it is the best."""
        self.history.append(epoch)
        if epoch.is_best:
            self.best = copy.deepcopy(self.average.network.state_dict())

    @property
    def is_exhausted(self) -> bool:
        """Whether `patience` epochs in a row were no better."""
        best = max((epoch.epoch for epoch in self.history if epoch.is_best), default=0)
        return self.config.patience is not None and len(self.history) - best >= self.config.patience

    def save(self, path: Path) -> None:
        """Write the state atomically."""
        tensors = {
            **_prefixed("network", self.classifier.state_dict()),
            **_prefixed("average", self.average.network.state_dict()),
            **_prefixed("best", self.best),
            **self._optimizer_states(),
            **_prefixed("random", self._random_states()),
        }
        history = json.dumps([asdict(epoch) for epoch in self.history])
        contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata={"history": history, "machine": self._machine()})

    def restore(self, path: Path) -> bool:
        """Load a file of `save`; without one for this network and machine, return False and change nothing."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("machine") != self._machine():
                    return False
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except (FileNotFoundError, SafetensorError):
            return False
        network, random = _group("network", tensors), _group("random", tensors)
        if _shapes(network) != _shapes(self.classifier.state_dict()):
            return False
        for number, optimizer in enumerate(self.optimizers):
            _restore_optimizer(optimizer, _group(f"optimizer.{number}", tensors))
        self.classifier.load_state_dict(network)
        self.average.network.load_state_dict(_group("average", tensors))
        self.best = {name: value.to(self.device) for name, value in _group("best", tensors).items()}
        self.history = [Epoch(**values) for values in json.loads(metadata["history"])]
        self.generator.set_state(random["generator"])
        torch.set_rng_state(random["torch"])
        if self.device == "cuda":
            torch.cuda.set_rng_state(random["cuda"])
        return True

    def _optimizer_states(self) -> dict[str, Tensor]:
        return {
            f"optimizer.{number}.{index}.{name}": value
            for number, optimizer in enumerate(self.optimizers)
            for index, state in optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }

    def _random_states(self) -> dict[str, Tensor]:
        states = {"generator": self.generator.get_state(), "torch": torch.get_rng_state()}
        return states | ({"cuda": torch.cuda.get_rng_state()} if self.device == "cuda" else {})

    def _machine(self) -> str:
        """Properties of the machine on which results depend, bit by bit."""
        return json.dumps(
            [torch.__version__, self.device, torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()]
        )


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Load states named "INDEX.NAME", in the memory layout of their weights: another layout may round differently."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        weight = weights[int(index)]
        aligned = torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
        states.setdefault(int(index), {})[key] = aligned
    optimizer.load_state_dict(optimizer.state_dict() | {"state": states})


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _group(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `_prefixed`."""
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
