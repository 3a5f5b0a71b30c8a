"""The section `register` of params.yaml."""

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RegisterParams:
    """Which bundles the stage `register` adds to MLflow's registry."""

    experiments: bool
    """Whether it adds those of DVC experiments; if not, `emopipe register EXPERIMENT` adds one."""
