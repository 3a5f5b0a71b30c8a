"""The section `validate` of params.yaml: policies, thresholds and limits of the gate."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from emopipe.core.params import CLOSED

Policy = Literal["keep", "drop", "fail"]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class PolicyParams:
    """What to do with each kind of finding: keep the rows, drop them, or fail. Test rows are never dropped."""

    constant_image: Policy
    """All pixels equal, or nearly."""
    likely_non_face: Policy
    """Few grey levels: drawings, signs, text, and nearly black faces: inspect before dropping."""
    small_image: Policy
    """A side below `min_size`."""
    elongated_image: Policy
    """A side longer than `max_aspect` times the other."""
    split_leak: Policy
    """The same pixels in two splits: dropped from train before val, from val before test."""
    near_split_leak: Policy
    """Near-duplicates in two splits, dropped in the same order."""
    label_conflict: Policy
    """The same pixels with different labels."""
    exact_duplicate: Policy
    """The same pixels twice in one split, with one label."""
    near_duplicate: Policy
    """Near-duplicates in one split, with any labels."""
    label_error: Policy
    """A label that is probably wrong, by confident learning."""
    saturated_image: Policy
    """Mostly black and white pixels."""
    blurred_image: Policy
    """No fine detail."""
    brightness_outlier: Policy
    """Much darker or brighter than the others."""
    size_outlier: Policy
    """Much smaller or larger than the others."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ValidateParams:
    """The gate."""

    policy: PolicyParams
    """What to do with each kind of finding."""
    min_similarity: Annotated[float, Field(gt=0, lt=1)]
    """Correlation of details from which two images are near-duplicates."""
    label_folds: Annotated[int, Field(ge=0, le=20)]
    """Folds of the cross-validation that scores labels; 0: labels are not scored."""
    max_label_quality: Annotated[float, Field(ge=0, le=1)]
    """Quality of a label below which it can be a suspect; at 0.5 another class is as likely."""
    constant_range: Annotated[int, Field(ge=0, le=255)]
    """An image whose brightest and darkest pixel differ by at most this is constant."""
    min_entropy: Annotated[float, Field(ge=0, le=6)]
    """Below this entropy of its grey levels, in bits, an image is likely no face."""
    min_sharpness: Annotated[float, Field(ge=0)]
    """Below this standard deviation of the Laplacian over that of the pixels an image is blurred."""
    max_saturated: Annotated[float, Field(ge=0, le=1)]
    """Above this share of black and white pixels an image is saturated."""
    max_robust_z: Annotated[float, Field(gt=0)]
    """Beyond this many standard deviations from the median, brightness and size are outliers."""
    max_ks_distance: Annotated[float, Field(ge=0, le=1)]
    """Largest accepted distance between the distributions of train and another split (Kolmogorov-Smirnov)."""
    min_size: Annotated[int, Field(ge=1)]
    """An image with a smaller side, in pixels, is small."""
    max_aspect: Annotated[float, Field(ge=1)]
    """An image with a larger ratio of the longer to the shorter side is elongated."""
    min_train_faces: Annotated[int, Field(ge=1)]
    """Fewest faces of each class in train; val and test need one each."""

    def __post_init__(self) -> None:
        if self.label_folds == 1:
            raise ValueError("label_folds must be 0 (off) or at least 2")
