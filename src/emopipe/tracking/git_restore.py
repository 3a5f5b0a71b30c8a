"""Versions and aliases that a registry lacks, from the tags in git."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.champions import store_history, stored_history
from emopipe.tracking.git_registry import GitRegistry, exports_at, read_git_registry
from emopipe.tracking.registration import register_export
from emopipe.tracking.registry_backup import read_backup
from emopipe.tracking.restore import Remark, Repair
from emopipe.tracking.snapshots import Snapshot
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import CHAMPION, EXPORTS_TAG, all_versions, get_aliases

if TYPE_CHECKING:
    from mlflow import MlflowClient


def git_repairs(root: Path, client: "MlflowClient") -> Iterator[Repair]:
    """Tagged versions and aliases that neither the registry nor registry.json have, versions in ascending order."""
    registry, backup = read_git_registry(root), read_backup(root)
    aliases = get_aliases(client).keys() | backup.aliases.keys()
    saved = {bundle.tags.get(EXPORTS_TAG) for bundle in backup.bundles.values()}
    for number, tag in registry.versions.items():
        commit = registry.commits[tag]
        if exports_at(root, commit) not in {*saved, *_numbers(client)}:
            yield f"{tag} is not registered", partial(_register, root, number, commit)
    for alias, tags in registry.aliases.items():
        if alias not in aliases:
            yield f"the alias {alias} is not set", partial(_set_alias, root, client, registry, alias, [*tags.values()])


def _register(root: Path, number: int, commit: str) -> Remark | None:
    if not exports_at(root, commit):
        raise WorkspaceError(f"commit {commit[:7]} has no exported model")
    version = register_export(Snapshot(root, commit), move_alias=False).version
    return None if version == str(number) else Remark(f"as version {version}, since MLflow numbers by itself")


def _set_alias(root: Path, client: "MlflowClient", registry: GitRegistry, alias: str, tags: list[str]) -> None:
    numbers = _numbers(client)
    found = [numbers.get(exports_at(root, registry.commits[tag]), "") for tag in tags]
    if not found[-1]:
        raise WorkspaceError(f"the bundle of {tags[-1]} is not registered")
    if alias == CHAMPION and stored_history(client) is None:
        store_history(client, _history(filter(None, found)))
    client.set_registered_model_alias(NAME, alias, found[-1])


def _history(champions: Iterator[str]) -> list[str]:
    """The history of champions, where one that comes again is a rollback."""
    history: list[str] = []
    for number in champions:
        history = [*history[: history.index(number)], number] if number in history else [*history, number]
    return history


def _numbers(client: "MlflowClient") -> dict[str, str]:
    """Number of a version by DVC's hash of its bundle."""
    return {version.tags.get(EXPORTS_TAG, ""): str(version.version) for version in all_versions(client)}
