"""Installed versions of the libraries that compute a stage, beside those that libraries.yaml pins."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

PINNED = "libraries.yaml"


def differing_libraries(root: Path, stage: str) -> list[str]:
    """`torch 2.14.0 (pinned: 2.15.0)` for each library of the stage that is installed in another version.

    stage: its name in dvc.yaml before any `@`. Without dvc.yaml or libraries.yaml nothing is pinned.
    """
    paths = [root / name for name in ("dvc.yaml", PINNED)]
    if not all(path.exists() for path in paths):
        return []
    pipeline, pinned = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths)
    definition = pipeline["stages"].get(stage, {})
    params = definition.get("do", definition).get("params", [])
    groups = [group for param in params if isinstance(param, dict) for group in param.get(PINNED, [])]
    libraries = {name: str(pins) for group in groups for name, pins in pinned[group].items()}
    return [
        f"{name} {installed} (pinned: {pins})"
        for name, pins in libraries.items()
        if (installed := _installed(name)) and installed not in pins.split(", ")
    ]


def _installed(name: str) -> str:
    """The version without a local part such as `+cpu`; empty for a library of an extra that is not installed."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""
