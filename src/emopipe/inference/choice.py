"""Choosing the model that answers: that of the project, or the one that comes with emopipe.

The released model is trained on photographs. It answers where the project has no model, or one of drawn faces.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import ModelError
from emopipe.export.runtime import DESCRIPTION
from emopipe.inference.model import EXPORTED, RELEASED, RELEASED_FOLDER

CHOICE = ".emopipe-model"
"""File in the project's root with the name of the chosen model."""


@dataclass(frozen=True)
class Choice:
    """A model and why it was taken."""

    name: str
    reason: str = ""
    """Empty if nobody would ask."""


def default_model(root: Path) -> Choice:
    """The model for commands that name none, in the project at `root` or in any other folder."""
    if name := _chosen(root):
        return Choice(name, f"chosen with `emopipe model use {name}`")
    description = _description(root / EXPORTED)
    if description is None:
        return Choice(RELEASED)
    if _is_drawn(description):
        return Choice(RELEASED, f"{EXPORTED}/ is trained on drawn faces: --model {EXPORTED} uses it")
    return Choice(EXPORTED)


def use_model(root: Path, name: str | None) -> None:
    """Make `name` the default in `root`; None returns to the rule of `default_model`."""
    path = root / CHOICE
    if name is None:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as temporary:
        temporary.write_text(f"{name}\n", encoding="utf-8")


def local_models(root: Path) -> dict[str, Mapping[str, Any]]:
    """Descriptions of the models that need no download, by their names."""
    folders = {RELEASED: RELEASED_FOLDER, EXPORTED: root / EXPORTED}
    found = {name: _description(folder) for name, folder in folders.items()}
    return {name: description for name, description in found.items() if description is not None}


def describe(description: Mapping[str, Any]) -> str:
    """Network, data and accuracy of a model in one line, from its model.json."""
    parts = [str(description.get("architecture", {}).get("name", "unknown network"))]
    if data := description.get("data"):
        drawn = "drawn " if data["drawn"] else ""
        parts.append(f"trained on {data['num_training_faces']:,} {drawn}faces of {', '.join(data['files'])}")
    if test := description.get("test"):
        parts.append(f"test accuracy {test['accuracy']:.3f}")
    return ", ".join(parts)


def _chosen(root: Path) -> str:
    try:
        return (root / CHOICE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{root / CHOICE} cannot be read ({error}): remove it, or name a model with --model"
        ) from error


def _is_drawn(description: Mapping[str, Any]) -> bool:
    return bool(description.get("data", {}).get("drawn"))


def _description(folder: Path) -> Mapping[str, Any] | None:
    """What model.json in `folder` says; None without one, empty if it is damaged: opening the model explains that."""
    try:
        content = json.loads((folder / DESCRIPTION).read_bytes())
    except OSError:
        return None
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
