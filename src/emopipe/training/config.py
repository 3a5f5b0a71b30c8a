"""Hyper-parameters of a training. Ranges are annotations that pydantic checks when params.yaml is read."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Interval

NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Interval(ge=0, le=1)]
FractionBelow1 = Annotated[float, Interval(ge=0, lt=1)]
Views = Literal["none", "flip", "flip_shift"]

CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Random changes of each face, drawn anew in each epoch."""

    __pydantic_config__: ClassVar = CLOSED

    flip: bool
    """Mirror half of the faces."""
    rotation: Annotated[float, Interval(ge=0, le=180)]
    """Largest rotation in degrees, in either direction."""
    scale: FractionBelow1
    """Largest relative change of size: 0.2 draws from 0.8 to 1.2."""
    shift: Annotated[float, Interval(ge=0, le=0.5)]
    """Largest shift along each axis, as a fraction of the side."""
    brightness: Fraction
    """Largest change of all pixels, as a fraction of the range from black to white."""
    contrast: FractionBelow1
    """Largest relative change of the distance of each pixel from the mean of the face."""
    random_erasing: Fraction
    """Fraction of the faces of which a square, a third of the side wide, is blanked."""
    mixup: NonNegative
    """Blend pairs of faces and of targets with a weight from Beta(mixup, mixup); 0 is off."""
    cutmix: NonNegative
    """Paste a rectangle of another face, its area from Beta(cutmix, cutmix); 0 is off."""

    def __post_init__(self) -> None:
        if self.mixup > 0 and self.cutmix > 0:
            raise ValueError(f"mixup={self.mixup:g} and cutmix={self.cutmix:g} exclude each other: set one to 0")


@dataclass(frozen=True, kw_only=True)
class ImbalanceConfig:
    """Corrections for unequal classes, from the class counts of the training set."""

    __pydantic_config__: ClassVar = CLOSED

    class_weights: Literal["none", "inverse", "class_balanced"]
    """Weights of the loss by class: `inverse` of the count, or of the effective number of faces."""
    class_balanced_beta: FractionBelow1
    """For `class_balanced`: near 1 is like `inverse`, 0 like `none` (Cui et al. 2019)."""
    logit_adjustment: NonNegative
    """Strength tau with which log frequencies are added to the logits in training; 0 is off (Menon et al. 2021)."""
    resample_exponent: Fraction
    """Classes are sampled in proportion to count^(1 - resample_exponent): 0 as they are, 1 all equally often."""
    focal_gamma: NonNegative
    """Faces with a probability p of their class weigh (1 - p)^gamma; 0 is off (Lin et al. 2017)."""

    def __post_init__(self) -> None:
        corrections = {
            f"class_weights={self.class_weights}": self.class_weights != "none",
            f"logit_adjustment={self.logit_adjustment:g}": self.logit_adjustment > 0,
            f"resample_exponent={self.resample_exponent:g}": self.resample_exponent > 0,
        }
        used = [name for name, is_used in corrections.items() if is_used]
        if len(used) > 1:
            raise ValueError(f"{' and '.join(used)} correct the same imbalance more than once: keep one of them")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The recipe, the same for all models, so that they can be compared."""

    image_size: Annotated[int, Interval(ge=16, le=512)] | None
    """Side of a network's input, in pixels; null is `image.size`. Networks of ultralytics have their own."""
    max_stride: Annotated[int, Ge(1)]
    """Largest total stride of networks of timm and ultralytics: their stems lose strides until they comply."""
    epochs: Annotated[int, Ge(1)]
    """Passes over the training set."""
    patience: Annotated[int, Ge(1)] | None
    """End the training after this many epochs in a row that are no better on validation; null for never."""
    batch_size: Annotated[int, Ge(2)]
    """Faces per step; at least 2 because of batch norm."""
    optimizer: Literal["adamw", "muon"]
    """`muon` uses Muon for the matrices of hidden layers and AdamW for the rest."""
    learning_rate: Annotated[float, Gt(0)]
    """Peak of the schedule, for both optimisers: steps of Muon are scaled to those of AdamW."""
    backbone_rate: Annotated[float, Interval(gt=0, le=1)]
    """Learning rate of all layers but the last, as a fraction of `learning_rate`; below 1 for pretrained weights."""
    frozen_epochs: Annotated[int, Ge(0)]
    """Epochs at the start in which the last layer alone is trained; statistics of batch norm adapt all the same."""
    warmup_fraction: FractionBelow1
    """Fraction of the steps with a linear rise to the peak; then the rate falls to zero along a cosine."""
    weight_decay: NonNegative
    """Decoupled weight decay of layers; norms and biases have none."""
    ema_decay: FractionBelow1
    """The model averages the weights of about 1 / (1 - ema_decay) steps, or a ninth of all so far; 0 is off."""
    label_smoothing: FractionBelow1
    """Fraction of each target that is spread over all classes."""
    augment: AugmentConfig
    """Random changes of each face."""
    imbalance: ImbalanceConfig
    """Corrections for unequal classes."""
    test_time_augmentation: Views
    """Views of a face whose logits are averaged: itself, its mirror image, both shifted; in the export too."""
    precision: Literal["auto", "float32", "bfloat16"]
    """`auto` is bfloat16 on a GPU that supports it, else float32."""
    compile: bool
    """Compile the network first, which needs a C++ compiler; no faster for cnn on two CPU cores."""
    max_minutes: Annotated[float, Gt(0)] | None
    """Time budget: fewer epochs are scheduled if it is too short for all. null keeps results exact."""
