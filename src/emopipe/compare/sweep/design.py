"""The design of a sweep: named settings of params.yaml, each with every model and seed, from a file and options."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from emopipe.core.errors import ParamsError

Overrides = Mapping[str, Any]
"""Dotted names of params.yaml, and their new values."""
_NAME = r"^[A-Za-z0-9_.-]+$"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Design:
    """All combinations of settings, models and seeds; each is a trial."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Values of base.seed, for the training and for a validation split that is sampled from train."""
    params: dict[str, Any]
    """Overrides in all trials: the budget, such as train.epochs."""
    baseline: str
    """The setting that all others are compared with."""
    settings: dict[Annotated[str, Field(pattern=_NAME)], dict[str, Any]]
    """Overrides by the name of the setting."""

    def __post_init__(self) -> None:
        if self.baseline not in self.settings:
            raise ValueError(f"baseline names {self.baseline}, expected one of {', '.join(self.settings)}")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One experiment."""

    setting: str
    model: str
    seed: int
    overrides: dict[str, Any] = field(compare=False)


def read_design(path: Path) -> Design:
    """Read a design; raises `ParamsError` that names every mistake in one line."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(Design).validate_python(raw)
    except FileNotFoundError as error:
        raise ParamsError(f"{path} does not exist: docs/balance.md shows its format") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False))
        raise ParamsError(f"{path.name}: {'; '.join(problem.removeprefix(': ') for problem in problems)}") from error


def changed(
    design: Design, *, models: Sequence[str], seeds: Sequence[int], params: Overrides, settings: Sequence[str]
) -> Design:
    """The design with options of the command line; settings are added, such as
    "adjusted balance.strategy=none train.imbalance.logit_adjustment=1.0"."""
    return replace(
        design,
        models=tuple(models) or design.models,
        seeds=tuple(seeds) or design.seeds,
        params={**design.params, **params},
        settings={**design.settings, **dict(map(_setting, settings))},
    )


def trials(design: Design, known_models: Sequence[str]) -> list[Trial]:
    """All trials, seed by seed, so that an interrupted sweep has complete seeds; the baseline comes first.

    known_models: `models` of params.yaml; a model that is not among them is added.
    """
    names = [design.baseline, *(name for name in design.settings if name != design.baseline)]
    return [
        Trial(
            setting=name,
            model=model,
            seed=seed,
            overrides={
                **design.params,
                **design.settings[name],
                "base.seed": seed,
                **({} if model in known_models else {"models": [*known_models, model]}),
            },
        )
        for seed in design.seeds
        for model in design.models
        for name in names
    ]


def _setting(words: str) -> tuple[str, dict[str, Any]]:
    name, *pairs = shlex.split(words) or [""]
    if not re.match(_NAME, name) or not pairs or not all("=" in pair for pair in pairs):
        raise ParamsError(f"--setting {words!r}: expected a name and at least one KEY=VALUE")
    return name, {key: yaml.safe_load(value) for key, value in (pair.split("=", 1) for pair in pairs)}
