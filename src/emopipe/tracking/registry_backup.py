"""registry.json at the root of the project: what MLflow's registry holds beside files, tracked by git.

For each bundle, by its digest: its origin, the key of its training run, description and tags of its version
(evidence, verdicts, promotions); and the bundle of each alias. `emopipe sync` restores a registry from it.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_json
from emopipe.tracking.naming import KEY_TAG
from emopipe.tracking.store import lock_path
from emopipe.tracking.versions import DIGEST_TAG, REPLACED_TAG, all_versions, get_aliases, origin_of_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

FILE = "registry.json"


@dataclass(frozen=True, kw_only=True)
class RegisteredBundle:
    """One version of the registered model, in any store."""

    order: int
    """Its number in the store where it was registered first; a registry is restored in this order."""
    key: str
    """Key of the training run's state; empty for a version without a run."""
    description: str
    tags: dict[str, str]
    """The tag `emopipe.replaced` names a bundle here, and a version number in a store."""
    origin: dict[str, Any] | None
    """Fields of `Origin`; None for a version without one."""


@dataclass(frozen=True, kw_only=True)
class RegistryBackup:
    """The content of registry.json."""

    bundles: dict[str, RegisteredBundle] = field(default_factory=dict)
    """By digest."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Alias to digest."""


def read_backup(root: Path) -> RegistryBackup:
    """Read registry.json; without the file there is no registry yet. Raises `WorkspaceError` if it is not readable."""
    path = root / FILE
    if not path.exists():
        return RegistryBackup()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        bundles = {digest: RegisteredBundle(**fields) for digest, fields in content["bundles"].items()}
        return RegistryBackup(bundles=bundles, aliases=dict(content["aliases"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"{FILE} is not readable ({type(error).__name__}: {error}): take it from git, or remove it and run "
            "`emopipe sync`"
        ) from error


def save_registry(root: Path, client: "MlflowClient") -> None:
    """Write what the registry holds to registry.json; what the registry lacks is kept."""
    digests = {str(version.version): version.tags.get(DIGEST_TAG, "") for version in all_versions(client)}
    with FileLock(lock_path(root)):
        before = read_backup(root)
        bundles = dict(before.bundles)
        for version in all_versions(client):
            digest = digests[str(version.version)]
            if digest:  # others are not of this project
                bundles[digest] = _updated(before.bundles.get(digest), client, version, digests)
        aliases = {alias: digests[number] for alias, number in get_aliases(client).items() if digests.get(number)}
        aliases = before.aliases | aliases
        after = RegistryBackup(bundles=dict(sorted(bundles.items())), aliases=dict(sorted(aliases.items())))
        if after != before:
            write_json(root / FILE, asdict(after))


def _updated(
    known: RegisteredBundle | None, client: "MlflowClient", version: "ModelVersion", digests: dict[str, str]
) -> RegisteredBundle:
    if known is None:
        key = client.get_run(version.run_id).data.tags.get(KEY_TAG, "") if version.run_id else ""
        known = RegisteredBundle(order=int(version.version), key=key, description="", tags={}, origin=None)
    origin = known.origin
    if origin is None:
        found = origin_of_version(client, version)
        origin = asdict(found) if found else None
    tags = known.tags | version.tags
    if REPLACED_TAG in tags:
        tags[REPLACED_TAG] = digests.get(tags[REPLACED_TAG]) or tags[REPLACED_TAG]
    return replace(known, description=version.description or "", tags=dict(sorted(tags.items())), origin=origin)
