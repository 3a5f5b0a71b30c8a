"""What a training is told."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The recipe that all models share, so that they can be compared."""

    epochs: int
    """Passes over the training set."""
    batch_size: int
    """Faces per step."""
    learning_rate: float
    """Peak of the one-cycle schedule, for AdamW."""
    weight_decay: float
    """Decoupled decay of the weights of layers; norms and biases have none."""
    label_smoothing: float
    """Share of each target that is spread over all classes, 0 to 1."""
    flip: bool
    """Mirror half of the faces."""
    rotation: float
    """Largest rotation in degrees, either way."""
    scale: float
    """Largest relative change of size: 0.2 draws from 0.8 to 1.2."""
    shift: float
    """Largest shift as a share of the side, along each axis."""
    max_minutes: float | None
    """Time budget: where it would not hold the epochs, fewer are laid out. None, the default, keeps results exact."""

    def __post_init__(self) -> None:
        problems = [f"{name} must be {rule}, got {getattr(self, name)!r}" for name, rule in self._broken()]
        if problems:
            raise ValueError("; ".join(problems))

    def _broken(self) -> list[tuple[str, str]]:
        rules = [
            ("epochs", "at least 1", self.epochs >= 1),
            ("batch_size", "at least 2 (batch norm)", self.batch_size >= 2),
            ("learning_rate", "above 0", self.learning_rate > 0),
            ("weight_decay", "at least 0", self.weight_decay >= 0),
            ("label_smoothing", "from 0 to below 1", 0 <= self.label_smoothing < 1),
            ("rotation", "from 0 to 180 degrees", 0 <= self.rotation <= 180),
            ("scale", "from 0 to below 1", 0 <= self.scale < 1),
            ("shift", "from 0 to 0.5", 0 <= self.shift <= 0.5),
            ("max_minutes", "above 0, or null", self.max_minutes is None or self.max_minutes > 0),
        ]
        return [(name, rule) for name, rule, holds in rules if not holds]
