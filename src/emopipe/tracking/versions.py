"""Versions of the registered model by number or alias, and which one is champion."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import EmopipeError, WorkspaceError
from emopipe.tracking.error_text import error_text
from emopipe.tracking.origin import Origin
from emopipe.tracking.store import NAME, store_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHALLENGER, CHAMPION = "challenger", "champion"
DIGEST_TAG = "emopipe.bundle"
EXPORTS_TAG = "dvc.exports"
"""DVC's hash of the bundle's folder."""
REPLACED_TAG = "emopipe.replaced"
"""Of a version that became champion: the version before it."""
ROLLED_BACK_TAG = "emopipe.rolled_back"
"""Of a version that was champion: the reason of its rollback."""


@contextmanager
def mlflow_faults(outcome: str) -> Iterator[None]:
    """Raise any error of MLflow as a `WorkspaceError` of one line; `outcome` is its consequence for the registry."""
    try:
        yield
    except EmopipeError:
        raise
    except Exception as error:  # MLflow's stores raise errors of many libraries
        raise WorkspaceError(f"MLflow fails, {outcome}: check {store_name()} ({error_text(error)})") from error


def all_versions(client: "MlflowClient") -> "list[ModelVersion]":
    """All versions, the oldest first."""
    return sorted(client.search_model_versions(f"name = '{NAME}'"), key=lambda version: int(version.version))


def get_aliases(client: "MlflowClient") -> dict[str, str]:
    """Version number by alias; empty if no model is registered."""
    models = client.search_registered_models(f"name = '{NAME}'")
    return {alias: str(number) for model in models for alias, number in model.aliases.items()}


def find_version(client: "MlflowClient", name: str) -> "ModelVersion":
    """A version by its number or one of its aliases; raises `WorkspaceError` if there is none."""
    versions, aliases = {str(version.version): version for version in all_versions(client)}, get_aliases(client)
    if not versions:
        raise WorkspaceError("no model is registered: run `dvc repro`")
    number = aliases.get(name.removeprefix("@"), name)
    if number == CHALLENGER:
        raise WorkspaceError(
            "there is no challenger: a new version becomes one unless it is worse on validation than the champion; "
            f"name one of {', '.join(versions)}"
        )
    if number not in versions:
        raise WorkspaceError(
            f"{NAME} has no version {name}: expected one of {', '.join([*versions, *sorted(aliases)])}"
        )
    return client.get_model_version(NAME, number)


def find_champion(client: "MlflowClient") -> "ModelVersion | None":
    """The version in use; None if nothing is registered, or the alias is not set."""
    number = get_aliases(client).get(CHAMPION)
    return None if number is None else client.get_model_version(NAME, number)


def run_of(version: "ModelVersion") -> str:
    """The id of the run of a version; raises `WorkspaceError` if it has none."""
    if not version.run_id:
        raise WorkspaceError(f"version {version.version} has no run: register it by `dvc repro register`")
    return version.run_id


def origin_of_version(client: "MlflowClient", version: "ModelVersion") -> Origin | None:
    """The origin that was logged with a version; None if it has none, or its files are lost."""
    from mlflow.artifacts import download_artifacts

    uri = f"models:/{NAME}/{version.version}/artifacts/origin"
    with tempfile.TemporaryDirectory() as folder:
        try:
            return Origin.read(Path(download_artifacts(uri, dst_path=folder, tracking_uri=client.tracking_uri)))
        except Exception:  # noqa: BLE001 - of many libraries
            return None


def tag_version(client: "MlflowClient", version: "ModelVersion", tags: dict[str, str]) -> None:
    """Set tags of a version."""
    for name, value in tags.items():
        client.set_model_version_tag(NAME, str(version.version), name, value)
