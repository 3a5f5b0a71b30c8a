"""All that changes while a network learns, and how an interrupted training is taken up again.

The file of an interrupted training holds tensors (safetensors) and figures (JSON): nothing is unpickled.
"""

import copy
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from emopipe.training.classifier import Classifier
from emopipe.training.weight_average import WeightAverage


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
    """Cross-entropy without any of these, of the averaged weights."""
    val_accuracy: float
    is_best: bool
    """Highest validation accuracy so far; the lower loss decides between equals."""
    seconds: float


@dataclass(kw_only=True)
class TrainingState:
    """A network in training.

    generator: all that is drawn but dropout, which draws from torch's own. best: weights of the best epoch so far.
    """

    classifier: Classifier
    average: WeightAverage
    optimizers: list[torch.optim.Optimizer]
    generator: torch.Generator
    device: str
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)

    def end_epoch(self, epoch: Epoch) -> None:
        """Take `epoch` into the history, and keep its weights if it is the best."""
        self.history.append(epoch)
        if epoch.is_best:
            self.best = copy.deepcopy(self.average.network.state_dict())

    def save(self, path: Path) -> None:
        """Write all of it to `path`, atomically."""
        tensors = {
            **_prefixed("network", self.classifier.state_dict()),
            **_prefixed("average", self.average.network.state_dict()),
            **_prefixed("best", self.best),
            **self._optimizer_states(),
            **_prefixed("random", self._random_states()),
        }
        history = json.dumps([asdict(epoch) for epoch in self.history])
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(contiguous, temporary, metadata={"history": history, "machine": self._machine()})
        temporary.replace(path)

    def restore(self, path: Path) -> bool:
        """Go on from what `save` wrote; False, and nothing changed, where none fits or another machine wrote it."""
        try:
            with safe_open(path, framework="pt") as file:
                notes = file.metadata() or {}
                if notes.get("machine") != self._machine():
                    return False
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except (FileNotFoundError, SafetensorError):
            return False
        if _shapes(_below("network", tensors)) != _shapes(self.classifier.state_dict()):
            return False
        for number, optimizer in enumerate(self.optimizers):
            _restore_optimizer(optimizer, _below(f"optimizer.{number}", tensors))
        self.classifier.load_state_dict(_below("network", tensors))
        self.average.network.load_state_dict(_below("average", tensors))
        self.best = {name: value.to(self.device) for name, value in _below("best", tensors).items()}
        self.history = [Epoch(**values) for values in json.loads(notes["history"])]
        random = _below("random", tensors)
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
        """What makes the same steps give other bits."""
        return json.dumps(
            [torch.__version__, self.device, torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()]
        )


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give back states by "INDEX.NAME", in the memory layout of their weights: another layout may round otherwise."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        weight = weights[int(index)]
        laid = torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
        states.setdefault(int(index), {})[key] = laid
    optimizer.load_state_dict(optimizer.state_dict() | {"state": states})


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
