"""What a training is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

Rule = tuple[str, str, bool]
"""Name of a value, what it must be, and whether it is."""

CLOSED = {"extra": "forbid"}  # pydantic reads it where the configuration comes from params.yaml


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of each face, drawn anew in each pass."""

    __pydantic_config__: ClassVar = CLOSED

    flip: bool
    """Mirror half of the faces."""
    rotation: float
    """Largest rotation in degrees, either way."""
    scale: float
    """Largest relative change of size: 0.2 draws from 0.8 to 1.2."""
    shift: float
    """Largest shift as a share of the side, along each axis."""
    brightness: float
    """Largest change of all pixels, as a share of the range from black to white."""
    contrast: float
    """Largest relative change of the distance of each pixel from the face's mean."""
    random_erasing: float
    """Share of the faces of which a square, a third of the side wide, is blanked."""
    mixup: float
    """Blend pairs of faces and of their targets by a share drawn from Beta(mixup, mixup); 0 is off."""
    cutmix: float
    """Paste a rectangle of another face, its area drawn from Beta(cutmix, cutmix); 0 is off."""

    def __post_init__(self) -> None:
        check(
            [
                ("rotation", "from 0 to 180 degrees", 0 <= self.rotation <= 180),
                ("scale", "from 0 to below 1", 0 <= self.scale < 1),
                ("shift", "from 0 to 0.5", 0 <= self.shift <= 0.5),
                ("brightness", "from 0 to 1", 0 <= self.brightness <= 1),
                ("contrast", "from 0 to below 1", 0 <= self.contrast < 1),
                ("random_erasing", "from 0 to 1", 0 <= self.random_erasing <= 1),
                ("mixup", "at least 0", self.mixup >= 0),
                ("cutmix", "at least 0, and 0 where mixup is not", self.cutmix == 0 or self.cutmix > 0 == self.mixup),
            ],
            self,
        )


@dataclass(frozen=True, kw_only=True)
class ImbalanceConfig:
    """How the training makes up for unequal classes; counts are those of the training set as balance left it."""

    __pydantic_config__: ClassVar = CLOSED

    class_weights: Literal["none", "inverse", "class_balanced"]
    """Weights of the loss by class: `inverse` of its count, or by its effective number of faces."""
    class_balanced_beta: float
    """For `class_balanced`: near 1 is like `inverse`, 0 like `none` (Cui et al. 2019)."""
    logit_adjustment: float
    """Strength tau with which log frequencies are added to the logits in training; 0 is off (Menon et al. 2021)."""
    resample_exponent: float
    """Classes are drawn by their count to the power of 1 - resample_exponent: 0 as they are, 1 all equally often."""
    focal_gamma: float
    """Faces that are already told well count less: by (1 - p)^gamma; 0 is off (Lin et al. 2017)."""

    def __post_init__(self) -> None:
        used = {
            f"class_weights={self.class_weights}": self.class_weights != "none",
            f"logit_adjustment={self.logit_adjustment:g}": self.logit_adjustment > 0,
            f"resample_exponent={self.resample_exponent:g}": self.resample_exponent > 0,
        }
        names = [name for name, is_used in used.items() if is_used]
        check(
            [
                ("class_balanced_beta", "from 0 to below 1", 0 <= self.class_balanced_beta < 1),
                ("logit_adjustment", "at least 0", self.logit_adjustment >= 0),
                ("resample_exponent", "from 0 to 1", 0 <= self.resample_exponent <= 1),
                ("focal_gamma", "at least 0", self.focal_gamma >= 0),
            ],
            self,
        )
        if len(names) > 1:
            raise ValueError(f"{' and '.join(names)} correct the same imbalance more than once: leave one of them")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The recipe that all models share, so that they can be compared."""

    max_stride: int
    """Networks of timm and ultralytics down-sample at most so many times: their stems lose strides until they do."""
    epochs: int
    """Passes over the training set."""
    batch_size: int
    """Faces per step."""
    optimizer: Literal["adamw", "muon"]
    """`muon` takes it for the matrices of hidden layers, and AdamW for the rest."""
    learning_rate: float
    """Peak of the schedule, of either optimiser: Muon's steps are scaled to the size of AdamW's."""
    warmup_fraction: float
    """Share of the steps in which the rate rises to its peak; after it the rate falls to zero along a cosine."""
    weight_decay: float
    """Decoupled decay of the weights of layers; norms and biases have none."""
    ema_decay: float
    """The model is the average of the weights of about 1 / (1 - ema_decay) steps, or a ninth of all so far; 0: off."""
    label_smoothing: float
    """Share of each target that is spread over all classes."""
    augment: AugmentConfig
    """Random changes of each face."""
    imbalance: ImbalanceConfig
    """How the training makes up for classes of unequal size."""
    test_time_augmentation: Literal["none", "flip", "flip_shift"]
    """Views of a face whose logits the model averages: itself, its mirror image, both shifted; in the export too."""
    precision: Literal["auto", "float32", "bfloat16"]
    """`auto` is bfloat16 on a GPU that has it, else float32."""
    compile: bool
    """Compile the network first, which takes a C++ compiler: on two CPU cores cnn trains no faster for it."""
    max_minutes: float | None
    """Time budget: where it would not hold the epochs, fewer are laid out. None, the default, keeps results exact."""

    def __post_init__(self) -> None:
        check(
            [
                ("max_stride", "at least 1", self.max_stride >= 1),
                ("epochs", "at least 1", self.epochs >= 1),
                ("batch_size", "at least 2 (batch norm)", self.batch_size >= 2),
                ("learning_rate", "above 0", self.learning_rate > 0),
                ("warmup_fraction", "from 0 to below 1", 0 <= self.warmup_fraction < 1),
                ("weight_decay", "at least 0", self.weight_decay >= 0),
                ("ema_decay", "from 0 to below 1", 0 <= self.ema_decay < 1),
                ("label_smoothing", "from 0 to below 1", 0 <= self.label_smoothing < 1),
                ("max_minutes", "above 0, or null", self.max_minutes is None or self.max_minutes > 0),
            ],
            self,
        )


def check(rules: Iterable[Rule], owner: object) -> None:
    """Raise one `ValueError` that names every value of `owner` that breaks its rule."""
    problems = [f"{name} must be {rule}, got {getattr(owner, name)!r}" for name, rule, holds in rules if not holds]
    if problems:
        raise ValueError("; ".join(problems))
