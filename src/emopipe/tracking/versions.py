"""Versions of the registered model by number or alias, and which one is champion."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emopipe.core.errors import EmopipeError, WorkspaceError
from emopipe.tracking.error_text import error_text
from emopipe.tracking.store import NAME

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHALLENGER, CHAMPION = "challenger", "champion"
REPLACED_TAG = "emopipe.replaced"
"""Of a version that became champion: the one that was before it."""


@contextmanager
def mlflow_faults(outcome: str) -> Iterator[None]:
    """Make one line of what MLflow raises; `outcome` says what that means for the registry."""
    try:
        yield
    except EmopipeError:
        raise
    except Exception as error:  # MLflow's stores raise errors of many libraries
        raise WorkspaceError(f"MLflow fails, {outcome}: check MLFLOW_TRACKING_URI ({error_text(error)})") from error


def find_version(client: "MlflowClient", wanted: str) -> "ModelVersion":
    """A version by its number or one of its aliases; raises `WorkspaceError` where there is none."""
    versions = {str(version.version): version for version in client.search_model_versions(f"name = '{NAME}'")}
    if not versions:
        raise WorkspaceError("no model is registered: run `dvc repro`")
    aliases = {name: str(number) for name, number in client.get_registered_model(NAME).aliases.items()}
    number = aliases.get(wanted.removeprefix("@"), wanted)
    if number not in versions:
        known = ", ".join([*sorted(versions, key=int), *sorted(aliases)])
        raise WorkspaceError(f"{NAME} has no version {wanted}: expected one of {known}")
    return client.get_model_version(NAME, number)


def find_champion(client: "MlflowClient") -> "ModelVersion | None":
    """The version in use, or None where nothing is registered, or the alias was taken away."""
    if not client.search_registered_models(f"name = '{NAME}'"):
        return None
    number = client.get_registered_model(NAME).aliases.get(CHAMPION)
    return None if number is None else client.get_model_version(NAME, str(number))


def run_of(version: "ModelVersion") -> str:
    """The id of the run that made a version; raises `WorkspaceError` where it is of no run."""
    if not version.run_id:
        raise WorkspaceError(f"version {version.version} is of no run: register it by `dvc repro register`")
    return version.run_id


def tag_version(client: "MlflowClient", version: "ModelVersion", tags: dict[str, str]) -> None:
    """Set tags of a version."""
    for name, value in tags.items():
        client.set_model_version_tag(NAME, str(version.version), name, value)


def move_champion(client: "MlflowClient", version: "ModelVersion", before: "ModelVersion | None") -> None:
    """Make a version champion in one call, after noting in its tags which one it replaces.

    `before` is the champion as it was seen; raises `WorkspaceError` where it is another one by now, and moves nothing.
    """
    now = find_champion(client)
    if (now and str(now.version)) != (before and str(before.version)):
        raise WorkspaceError(
            f"the champion has become {'none' if now is None else f'version {now.version}'} meanwhile, "
            "so nothing was moved: run the command again"
        )
    if before is not None:
        tag_version(client, version, {REPLACED_TAG: str(before.version)})
    client.set_registered_model_alias(NAME, CHAMPION, str(version.version))
