"""registry.json at the root of the project: what MLflow's registry holds beside files, tracked by git.

For each bundle, by its digest: its origin, the key of its training run, description and tags of its version
(evidence, verdicts, promotions); the bundle of each alias; and the history of champions. `emopipe sync` restores a
registry from it.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from emopipe.core.boundary import reading
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_json
from emopipe.tracking.champions import champion_history
from emopipe.tracking.naming import COMMIT_TAG, KEY_TAG
from emopipe.tracking.store import store_lock
from emopipe.tracking.versions import (
    CHALLENGER,
    CHAMPION,
    DIGEST_TAG,
    REPLACED_TAG,
    all_versions,
    get_aliases,
    origin_of_version,
)

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
    champions: list[str] = field(default_factory=list)
    """Digests of the bundles that became champion and were not rolled back, the first one first."""


def read_backup(root: Path) -> RegistryBackup:
    """Read registry.json; without the file there is no registry yet. Raises `WorkspaceError` if it is not readable."""
    path = root / FILE
    if not path.exists():
        return RegistryBackup()
    with reading(f"{FILE} is not readable", "take it from git, or remove it and run `emopipe sync`", WorkspaceError):
        content = json.loads(path.read_bytes())
        required = {name: content[name] for name in ("bundles", "aliases")}
        return TypeAdapter(RegistryBackup).validate_python(content | required)


def save_registry(root: Path, client: "MlflowClient") -> None:
    """Write what the registry holds to registry.json; what the registry lacks is kept."""
    digests = {str(version.version): version.tags.get(DIGEST_TAG, "") for version in all_versions(client)}
    with store_lock(root):
        before = read_backup(root)
        bundles = dict(before.bundles)
        for version in all_versions(client):
            digest = digests[str(version.version)]
            if digest:  # others are not of this project
                bundles[digest] = _updated(before.bundles.get(digest), client, version, digests)
        aliases = {alias: digests[number] for alias, number in get_aliases(client).items() if digests.get(number)}
        champions = before.champions
        if CHAMPION in aliases:
            history = [digests[number] for number in champion_history(client) if digests[number]]
            champions = _merged(before.champions, history, set(digests.values()))
        known = dict(before.aliases)
        if known.get(CHALLENGER) in digests.values():  # it is registered, and no longer challenger
            del known[CHALLENGER]
        after = RegistryBackup(
            bundles=dict(sorted(bundles.items())),
            aliases=dict(sorted((known | aliases).items())),
            champions=champions,
        )
        if after != before:
            write_json(root / FILE, asdict(after))


def _merged(known: list[str], history: list[str], registered: set[str]) -> list[str]:
    """`history` with the champions of `known` that this registry lacks, in their places."""
    merged, rest = [], list(history)
    for digest in known:
        if rest and digest not in registered:
            merged.append(digest)
        elif rest and digest == rest[0]:
            merged.append(rest.pop(0))
        else:
            break
    return merged + rest


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
    tags = {name: value for name, value in (known.tags | version.tags).items() if name != COMMIT_TAG}  # git has it
    if REPLACED_TAG in tags:
        tags[REPLACED_TAG] = digests.get(tags[REPLACED_TAG]) or tags[REPLACED_TAG]
    return replace(known, description=version.description or "", tags=dict(sorted(tags.items())), origin=origin)
