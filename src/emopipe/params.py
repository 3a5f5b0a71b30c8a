"""params.yaml as typed sections: one section, one stage, one frozen dataclass.

Every stage reads the whole file, so that any mistake in it is reported, all at once, by the first stage that runs.
"""

import difflib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from emopipe.balance_params import BalanceParams
from emopipe.errors import ParamsError
from emopipe.promote_params import PromoteParams
from emopipe.training.config import TrainConfig
from emopipe.votes import Strangers, VoteRule

Split = Literal["train", "val", "test"]
Policy = Literal["keep", "drop", "fail"]
CLOSED = ConfigDict(extra="forbid")
Fraction = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class BaseParams:
    """What all stages share."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Start of every random draw."""
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    """Class names, in the order of the model's outputs."""

    def __post_init__(self) -> None:
        if len({name.lower() for name in self.classes}) < len(self.classes):
            raise ValueError("classes must differ")


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ImageParams:
    """What a network sees, unless its own definition fixes it."""

    size: Annotated[int, Field(ge=16, le=512)]
    """Side of the square input, in pixels."""
    channels: Literal[1, 3]
    """1 grey, 3 RGB."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class VoteParams:
    """What is made of annotators' votes, where a source has them."""

    label: VoteRule
    """Which label a face gets: the `given` one, that of the `plurality`, or that of the `majority` of votes."""
    strangers: Strangers
    """Votes for what is no class: `reject` the row where they win, or `ignore` them."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class IngestParams:
    """How a source becomes the canonical table."""

    split_map: dict[str, Split]
    """The source's own names of splits (FER2013's Usage), and which split each is."""
    val_fraction: Fraction
    """Share of train that is carved off as val, where the source has no val."""
    test_fraction: Fraction
    """Share of train that is carved off as test, where the source has no test."""
    max_pixels: Annotated[int, Field(gt=0)]
    """Larger pictures are rejected before they are decoded."""
    crop_faces: bool
    """Whether pictures are photographs, of which the largest face is cut out; else they are taken as faces already."""
    votes: VoteParams
    """What is made of annotators' votes."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class PolicyParams:
    """What to do with each kind of finding: keep the rows, drop them, or fail. Test rows are never dropped."""

    constant_image: Policy
    """All pixels equal, or nearly."""
    likely_non_face: Policy
    """Few grey levels: drawings, signs, text; and nearly black faces, so look before you drop."""
    split_leak: Policy
    """The same pixels in two splits: dropped from train before val, from val before test."""
    near_split_leak: Policy
    """Nearly the same picture in two splits, dropped in the same order."""
    label_conflict: Policy
    """The same pixels with different labels."""
    exact_duplicate: Policy
    """The same pixels twice in one split, with one label."""
    near_duplicate: Policy
    """Nearly the same picture twice in one split, with whatever labels."""
    label_error: Policy
    """A label that a model which has not seen it would not give."""
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
    """Pictures are nearly the same whose details correlate by at least this."""
    label_folds: Annotated[int, Field(ge=0, le=20)]
    """Parts into which faces are dealt, to judge each label by a model of the other parts; 0: labels are not judged."""
    max_label_quality: Annotated[float, Field(ge=0, le=1)]
    """Only labels that their picture supports by less than this are suspects; at 0.5 another class is as likely."""
    constant_range: Annotated[int, Field(ge=0, le=255)]
    """A picture whose brightest and darkest pixel differ by at most this is constant."""
    min_entropy: Annotated[float, Field(ge=0, le=6)]
    """Below this entropy of its grey levels, in bits, a picture is likely no face."""
    min_sharpness: Annotated[float, Field(ge=0)]
    """Below this standard deviation of the Laplacian over that of the pixels a picture is blurred."""
    max_saturated: Annotated[float, Field(ge=0, le=1)]
    """Above this share of black and white pixels a picture is saturated."""
    max_deviations: Annotated[float, Field(gt=0)]
    """Beyond this many standard deviations from the median, brightness and size are outliers."""
    max_drift: Annotated[float, Field(ge=0, le=1)]
    """Largest accepted distance between the distributions of train and another split (Kolmogorov-Smirnov)."""
    min_size: Annotated[int, Field(ge=1)]
    """Smallest accepted side, in pixels."""
    max_aspect: Annotated[float, Field(ge=1)]
    """Largest accepted ratio of the longer to the shorter side."""
    min_train_faces: Annotated[int, Field(ge=1)]
    """Fewest faces of each class in train; val and test need one each."""

    def __post_init__(self) -> None:
        if self.label_folds == 1:
            raise ValueError("label_folds must be 0 (off) or at least 2")


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class FileParams:
    """A file that DVC does not track; its content is fixed here, so that other content makes the stage run again."""

    file: str
    """Path from the root of the project."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of its content."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TeacherParams(FileParams):
    """A teacher's predictions of the training faces, as `emopipe teach` writes them (Hinton et al. 2015)."""

    weight: Annotated[float, Field(gt=0, le=1)]
    """Share of each target that is the teacher's; the rest is the label's."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TrainParams(TrainConfig):
    """The recipe, and the models that are trained with it."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of networks: `cnn`, or a classification network of timm or of ultralytics."""
    pretrained: dict[str, Literal["hub"] | FileParams]
    """Models that do not start from scratch: `hub` downloads timm's weights, a file is safetensors."""
    vote_weight: Annotated[float, Field(ge=0, le=1)]
    """Share of each target that is the annotators' votes, where a face has them; the rest is the label's."""
    teacher: TeacherParams | None
    """Whose predictions all models learn from; null for none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        strangers = sorted(set(self.pretrained) - set(self.models))
        if strangers:
            raise ValueError(f"pretrained names {', '.join(strangers)}, which is not among models")

    @property
    def config(self) -> TrainConfig:
        """The recipe alone."""
        return TrainConfig(**{item.name: getattr(self, item.name) for item in fields(TrainConfig)})


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class EvaluateParams:
    """The report."""

    bootstrap_resamples: Annotated[int, Field(ge=100)]
    """Resamples for the 95 % intervals."""
    num_mistakes: Annotated[int, Field(ge=0)]
    """Faces on the sheet of the most confident mistakes."""
    ensembles: dict[Annotated[str, Field(pattern=r"^[\w-]+$")], Annotated[tuple[str, ...], Field(min_length=2)]]
    """Models by the name of their ensemble, which averages their probabilities and is reported as one more model."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ExportParams:
    """Which model is exported, and what it must keep."""

    select_by: Literal["macro_f1", "accuracy", "balanced_accuracy"]
    """Figure on the validation split by which the best model is chosen."""
    min_agreement: Annotated[float, Field(ge=0, le=1)]
    """Share of validation faces on which ONNX must give the same class as torch, or nothing is exported."""
    max_probability_difference: Annotated[float, Field(gt=0)]
    """Largest difference of a probability, ONNX against torch, above which nothing is exported."""
    min_int8_agreement: Annotated[float, Field(ge=0, le=1)]
    """Share of validation faces on which int8 must give the same class, or int8 is left out."""
    max_int8_f1_loss: Annotated[float, Field(ge=0, le=1)]
    """Loss of macro-F1 on validation above which int8 is left out: 0.005 is half a point."""


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Params:
    """All of params.yaml."""

    base: BaseParams
    image: ImageParams
    ingest: IngestParams
    validate: ValidateParams
    balance: BalanceParams
    train: TrainParams
    evaluate: EvaluateParams
    export: ExportParams
    promote: PromoteParams

    def __post_init__(self) -> None:
        for name, members in self.evaluate.ensembles.items():
            strangers = sorted(set(members) - set(self.train.models))
            if strangers:
                raise ValueError(f"evaluate.ensembles.{name} names {', '.join(strangers)}, not among train.models")
            if name in self.train.models:
                raise ValueError(f"evaluate.ensembles.{name} is also the name of a model")


def load_params(path: Path) -> Params:
    """Read and check params.yaml; raises `ParamsError` that names every mistake in one line."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist: run from the root of the project") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return parse_params(raw, name=path.name)


def parse_params(raw: Any, *, name: str = "params.yaml") -> Params:
    """Check parsed YAML; raises `ParamsError` that names every mistake in one line."""
    try:
        return TypeAdapter(Params).validate_python(raw)
    except ValidationError as error:
        problems = "; ".join(_describe(problem) for problem in error.errors(include_url=False))
        raise ParamsError(f"{name}: {problems}") from error


def _describe(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{where} is not known{_nearest(problem['loc'])}"
    if problem["type"] == "missing":
        return f"{where} is missing"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}".removeprefix(": ")
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{where}: {message}, got {problem['input']!r}"


def _nearest(loc: tuple[Any, ...]) -> str:
    owner: Any = Params
    for part in loc[:-1]:
        owner = {item.name: item.type for item in fields(owner)}.get(part)
        if not is_dataclass(owner):  # a union of types
            return ""
    names = [item.name for item in fields(owner)]
    close = difflib.get_close_matches(str(loc[-1]), names, n=1)
    return f" (did you mean {close[0]}?)" if close else f" (expected one of {', '.join(names)})"
