"""Tags and names of what the project logs to MLflow."""

import re
from collections.abc import Mapping
from typing import Any

from emopipe.core.params import merged

KEY_TAG, STATE_TAG, MODEL_TAG = "emopipe.key", "emopipe.state", "emopipe.model"
PARENT_TAG = "mlflow.parentRunId"  # MLflow's pages fold runs under it
COMPLETE_TAG = "emopipe.history"  # set once all epochs are logged
EVALUATION_TAG = "emopipe.evaluation"  # key of the stage whose metrics the run has
PROCESS_TAG = "emopipe.process"
SETTING_TAG = "emopipe.setting"  # common to the runs of several seeds in a sweep
SOURCE_TAG = "emopipe.source"
COMMIT_TAG = "dvc.commit"  # the first commit that holds the state
NOTE_TAG = "mlflow.note.content"  # the description on MLflow's pages

LIVE = ("time/", "memory/", "system/")
"""Metrics that only the training process knows: a rebuilt run lacks them."""
LOGGED_LIVE, REBUILT = "logged while it trained", "rebuilt from DVC's outs: durations, memory and machine are unknown"

OTHER_MODELS = ("models", "ensembles")
"""Parameters that list models: the same model in the same state may differ in them."""


def valid_name(name: str) -> str:
    """`name` without characters that MLflow refuses, such as the brackets of a class `contempt (mild)`."""
    return re.sub(r"[^\w/.\- :]", "_", name)


def own_params(values: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Parameters with the recipe of one network, its overrides applied, and nothing of others; all for an ensemble."""
    train = values.get("train")
    if not train or model in (values.get("ensembles") or {}):
        return dict(values)
    recipe = merged(train, (train.get("overrides") or {}).get(model, {}))
    pretrained = {name: source for name, source in (train.get("pretrained") or {}).items() if name == model}
    return {**values, "train": recipe | {"pretrained": pretrained, "overrides": {}}}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters under dotted names, as text."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in OTHER_MODELS:
            continue
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[valid_name(name)] = str(list(value) if isinstance(value, tuple) else value)
    return flat


def run_name(model: str, state: str, experiment: str = "") -> str:
    """`cnn 3f2a1c9`, of the model and the key of its state; in a DVC experiment, its name and the model."""
    if not experiment:
        return f"{model} {state[:7]}"
    return experiment if setting_of(experiment) else f"{experiment} {model}"


def experiment_name(setting: str, model: str, seed: int, digest: str) -> str:
    """`smote-cnn-s0-3f2a1c90`, an experiment of a sweep; `digest` has eight digits."""
    plain = (re.sub(r"[^A-Za-z0-9_]+", "_", part) for part in (setting, model))  # what git and DVC accept
    return f"{'-'.join(plain)}-s{seed}-{digest}"


def setting_of(experiment: str) -> str:
    """The setting in the name of a sweep's experiment; empty for any other experiment."""
    match = re.fullmatch(r"(\w+)-\w+-s\d+-[0-9a-f]{8}", experiment)
    return match[1] if match else ""
