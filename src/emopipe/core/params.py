"""params.yaml as typed sections, each a frozen dataclass of the package that uses it.

A stage receives its own sections, but validates the whole file, so that the first stage reports all mistakes at once.
The classes of the sections are imported by name, because their packages lie above this one.
"""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, ValidationInfo
from pydantic.dataclasses import dataclass, rebuild_dataclass

from emopipe.core.boundary import LENGTH, reading
from emopipe.core.errors import ParamsError
from emopipe.core.names import clean_name, fold_name

if TYPE_CHECKING:
    from emopipe.balance.params import BalanceParams
    from emopipe.compare.params import PromoteParams
    from emopipe.evaluate.params import EvaluateParams
    from emopipe.export.params import ExportParams
    from emopipe.ingest.params import IngestParams
    from emopipe.tracking.params import RegisterParams
    from emopipe.training.params import TrainParams
    from emopipe.validate.params import ValidateParams

CLOSED = ConfigDict(extra="forbid")
TRAINABLE = "trainable"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class BaseParams:
    """Parameters of all stages."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seed of all random generators."""
    classes: Annotated[tuple[Annotated[str, AfterValidator(clean_name)], ...], Field(min_length=2)]
    """Class names, in the order of the outputs of a model; composed (NFC), without blanks at their ends."""

    def __post_init__(self) -> None:
        if not all(self.classes):
            raise ValueError("classes must have names")
        if len({fold_name(name) for name in self.classes}) < len(self.classes):
            raise ValueError("classes must differ")


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ImageParams:
    """Input of a network, unless its architecture fixes it."""

    size: Annotated[int, Field(ge=16, le=512)]
    """Side of the square input, in pixels."""
    channels: Literal[1, 3]
    """1 for grey, 3 for RGB."""


def _check_models(names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    problems = [f"{name} is listed {count} times" for name, count in Counter(names).items() if count > 1]
    if info.context == TRAINABLE:
        problems += import_module("emopipe.training.model_names").name_problems(names)
    if problems:
        raise ValueError("; ".join(problems))
    return names


def _check_recipes(train: "TrainParams", info: ValidationInfo) -> "TrainParams":
    if info.context == TRAINABLE:
        unlisted = sorted({*train.pretrained, *train.overrides}.difference(info.data.get("models", ())))
        if problems := import_module("emopipe.training.model_names").unknown_names(unlisted):
            raise ValueError("; ".join(problems))
    return train


@dataclass(frozen=True, kw_only=True, config=CLOSED | {"defer_build": True})
class Params:
    """All of params.yaml; `SECTIONS` lists the classes that are imported when a file is validated."""

    base: BaseParams
    image: ImageParams
    models: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_models)]
    """Names of the networks to train, each once: `cnn`, or a classification network of timm or of ultralytics."""
    ensembles: dict[Annotated[str, Field(pattern=r"^[\w-]+$")], Annotated[tuple[str, ...], Field(min_length=2)]]
    """Members by the name of an ensemble, which averages their probabilities and is evaluated like a model."""
    ingest: "IngestParams"
    validate: "ValidateParams"
    balance: "BalanceParams"
    train: Annotated["TrainParams", AfterValidator(_check_recipes)]
    evaluate: "EvaluateParams"
    export: "ExportParams"
    register: "RegisterParams"
    promote: "PromoteParams"

    def __post_init__(self) -> None:
        references = {f"ensembles.{name}": members for name, members in self.ensembles.items()}
        unknown = {param: sorted(set(names) - set(self.models)) for param, names in references.items()}
        problems = [f"{param} names {', '.join(names)}, not among models" for param, names in unknown.items() if names]
        problems += [f"ensembles.{name} is also the name of a model" for name in self.ensembles if name in self.models]
        if problems:
            raise ValueError("; ".join(problems))


SECTIONS = {
    "IngestParams": "ingest",
    "ValidateParams": "validate",
    "BalanceParams": "balance",
    "TrainParams": "training",
    "EvaluateParams": "evaluate",
    "ExportParams": "export",
    "RegisterParams": "tracking",
    "PromoteParams": "compare",
}
"""Classes of sections to the package whose module `params` defines them."""
RENAMED = {
    "ingest.votes.strangers": "ingest.votes.out_of_class_votes",
    "validate.max_deviations": "validate.max_robust_z",
    "validate.max_drift": "validate.max_ks_distance",
    "balance.gate": "balance.synthetic_filter",
    "balance.synthetic_filter.tail": "balance.synthetic_filter.range_quantile",
    "balance.synthetic_filter.class_tail": "balance.synthetic_filter.class_quantile",
    "train.models": "models",
    "train.warm_up": "train.warmup_fraction",
    "train.augment.erase": "train.augment.random_erasing",
    "train.imbalance.sampling": "train.imbalance.resample_exponent",
    "evaluate.ensembles": "ensembles",
    "promote.max_ece_rise": "promote.max_nll_rise",
}
"""Former names of parameters to their present ones."""


MAX_LISTED, MAX_LENGTH = 8, 1800
"""Mistakes that a message names, and its characters."""
SHAPES = {"tuple_type": "a list", "dict_type": "names with values", "dataclass_type": "names with values"}
"""What a parameter must be in YAML, by pydantic's type of an error."""


def load_params(path: Path, *, trainable: bool = False) -> Params:
    """Read and validate params.yaml; raises `ParamsError` with the mistakes, eight at most, in one line.

    trainable: whether the models must be known to the libraries that are installed here.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist: run from the root of the project") from error
    remedy = "correct it, or take it from git"
    with reading(f"{path} is not YAML", remedy, ParamsError):
        raw = yaml.safe_load(text)
    with reading(f"{path} is not usable", remedy, ParamsError):
        return parse_params(raw, name=path.name, trainable=trainable)


def parse_params(raw: Any, *, name: str = "params.yaml", trainable: bool = False) -> Params:
    """Validate parsed YAML; raises `ParamsError` with the mistakes, eight at most, in one line."""
    try:
        return _adapter().validate_python(raw, context=TRAINABLE if trainable else None)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        renamed = {RENAMED.get(_path(problem)) for problem in problems}
        lines = [_describe(each) for each in problems if each["type"] != "missing" or _path(each) not in renamed]
        raise ParamsError(f"{name}: {_listed(lines)}") from error


@cache
def _section_types() -> dict[str, Any]:
    return {name: getattr(import_module(f"emopipe.{package}.params"), name) for name, package in SECTIONS.items()}


@cache
def _adapter() -> TypeAdapter[Params]:
    rebuild_dataclass(Params, _types_namespace=_section_types())  # type: ignore[arg-type]
    return TypeAdapter(Params)


def _path(problem: Any) -> str:
    return ".".join(str(part) for part in problem["loc"])


def _describe(problem: Any) -> str:
    where, given = _shortened(_path(problem)), _shortened(repr(problem["input"]))
    if where in RENAMED:
        return f"{where} is called {RENAMED[where]} now"
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{where} is not known{_suggestion(problem['loc'])}"
    if problem["type"] == "missing":
        return f"{where} is missing"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}".removeprefix(": ")
    if problem["type"] in SHAPES:
        return f"{where}: expected {SHAPES[problem['type']]}, got {given}".removeprefix(": ")
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{where}: {message}, got {given}"


def _listed(lines: Sequence[str]) -> str:
    """As many whole mistakes as fit, at least one, and the number of the others."""
    ends = list(accumulate(len(line) for line in lines))
    num = max(1, sum(end <= MAX_LENGTH for end in ends[:MAX_LISTED]))
    more = f"; and {len(lines) - num} more" if len(lines) > num else ""
    return f"{'; '.join(lines[:num])[:MAX_LENGTH]}{more}"


def _shortened(text: str) -> str:
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"


def _suggestion(path: tuple[Any, ...]) -> str:
    """The nearest known name to the last part of `path`, or all names beside it."""
    owner: Any = Params
    for part in path[:-1]:
        owner = get_type_hints(owner, localns=_section_types()).get(part)
        if not is_dataclass(owner):  # a union of types
            return ""
    names = [item.name for item in fields(owner)]
    close = difflib.get_close_matches(str(path[-1]), names, n=1)
    return f" (did you mean {close[0]}?)" if close else f" (expected one of {', '.join(names)})"


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, where mappings are merged name by name."""
    both = {name: (values.get(name), change) for name, change in changes.items()}
    return values | {
        name: merged(old, new) if isinstance(old, dict) and isinstance(new, dict) else new
        for name, (old, new) in both.items()
    }
