"""The names under which MLflow keeps what the project logs."""

import re
from collections.abc import Mapping
from typing import Any

KEY_TAG, STATE_TAG, MODEL_TAG = "emopipe.key", "emopipe.state", "emopipe.model"
PARENT_TAG = "mlflow.parentRunId"  # MLflow's pages fold runs under the one that this names
COMPLETE_TAG = "emopipe.history"  # set once all epochs are logged
EVALUATION_TAG = "emopipe.evaluate.report"  # key of the stage whose figures the run shows
PROCESS_TAG = "emopipe.process"
SETTING_TAG = "emopipe.setting"  # of `emopipe sweep`: what the runs of several seeds have in common
SOURCE_TAG = "emopipe.source"
NOTE_TAG = "mlflow.note.content"  # what MLflow's pages show

LIVE = ("time/", "memory/", "system/")
"""Metrics that only the process itself can know: a run that is rebuilt lacks them."""
WATCHED, REBUILT = "logged while it trained", "rebuilt from DVC's outs: durations, memory and machine are unknown"

OTHERS = ("models", "ensembles")
"""Parameters that say which other models there are: the same model in the same state would differ in them."""


def allowed(name: str) -> str:
    """`name` as MLflow takes it: it refuses, for one, the brackets of a class `contempt (mild)`."""
    return re.sub(r"[^\w/.\- :]", "_", name)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values under dotted names, as text."""
    found: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in OTHERS:
            continue
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        else:
            found[allowed(name)] = str(list(value) if isinstance(value, tuple) else value)
    return found


def run_name(model: str, state: str, experiment: str = "") -> str:
    """`cnn 3f2a1c9`: the same model in two states has two names; of a DVC experiment, its name and the model."""
    if not experiment:
        return f"{model} {state[:7]}"
    return experiment if setting_of(experiment) else f"{experiment} {model}"


def experiment_name(setting: str, model: str, seed: int, digest: str) -> str:
    """`smote-cnn-s0-3f2a1c90`, of what `emopipe sweep` compares; `digest` is eight digits."""
    plain = (re.sub(r"[^A-Za-z0-9_]+", "_", part) for part in (setting, model))  # what git and DVC take
    return f"{'-'.join(plain)}-s{seed}-{digest}"


def setting_of(experiment: str) -> str:
    """The setting that `experiment_name` was given; empty for a DVC experiment of another kind."""
    found = re.fullmatch(r"(\w+)-\w+-s\d+-[0-9a-f]{8}", experiment)
    return found[1] if found else ""
