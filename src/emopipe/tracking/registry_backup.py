"""registry.json, beside mlflow.db: what git and DVC cannot tell of the registry after its store was lost.

That is which version had which number, which alias stood where, and what people noted on them. The file is of this
machine's store, as mlflow.db is, and git ignores it: a registry belongs to no branch. It is written after each change
that the project makes, and read by `emopipe sync` alone.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from emopipe.core.files import read_json, write_json
from emopipe.tracking.error_text import without_password
from emopipe.tracking.origin import Origin
from emopipe.tracking.store import NAME, local_uri, lock_path, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

FILE = "registry.json"


@dataclass(frozen=True, kw_only=True)
class VersionNote:
    """One version of the registered model."""

    tags: dict[str, str]
    about: str
    key: str = ""
    """Of the state whose run it came from."""
    origin: dict[str, Any] | None = None
    """What `Origin` holds; none of a version that others made."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The registry of one store."""

    versions: dict[int, VersionNote] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


def read_ledger(root: Path, uri: str | None = None) -> Ledger:
    """What is noted of the store at this address; by default of the one in use."""
    noted = _stores(root).get(_store(root, uri), {"versions": {}, "aliases": {}})
    versions = {int(number): VersionNote(**note) for number, note in noted["versions"].items()}
    return Ledger(versions=versions, aliases=noted["aliases"])


def note_version(root: Path, version: int, key: str, origin: Origin | None) -> None:
    """Note where a version is from, which MLflow's registry has no place for."""
    before = read_ledger(root)
    note = VersionNote(tags={}, about="", key=key, origin=asdict(origin) if origin else None)
    write_ledger(root, Ledger(versions=before.versions | {version: note}, aliases=before.aliases))


def note_registry(root: Path, client: "MlflowClient") -> None:
    """Note the tags, descriptions and aliases that stand in the registry of the client's store.

    What comes after the last version of the registry was lost with a store, and stays noted with its aliases until
    `emopipe sync` has brought it back; one that is missing before was deleted by a person, and is forgotten.
    """
    uri = client.tracking_uri
    before, here = read_ledger(root, uri), client.search_model_versions(f"name = '{NAME}'")
    last = max((int(version.version) for version in here), default=0)
    versions = {number: note for number, note in before.versions.items() if number > last}
    for version in here:
        noted = before.versions.get(int(version.version), VersionNote(tags={}, about=""))
        versions[int(version.version)] = VersionNote(
            tags=dict(version.tags), about=version.description or "", key=noted.key, origin=noted.origin
        )
    lost = {alias: number for alias, number in before.aliases.items() if number > last}
    write_ledger(root, Ledger(versions=versions, aliases=lost | aliases(client)), uri)


def forget_version(root: Path, version: int) -> None:
    """Forget a version that a person deleted."""
    before = read_ledger(root)
    versions = {number: note for number, note in before.versions.items() if number != version}
    kept = {alias: number for alias, number in before.aliases.items() if number != version}
    write_ledger(root, Ledger(versions=versions, aliases=kept))


def aliases(client: "MlflowClient") -> dict[str, int]:
    """The aliases of the registered model, and the versions that they stand for."""
    found = client.search_registered_models(f"name = '{NAME}'")
    return {alias: int(number) for model in found for alias, number in model.aliases.items()}


def write_ledger(root: Path, ledger: Ledger, uri: str | None = None) -> None:
    """Note all of it, in place of what was noted of the store."""
    versions = {str(number): asdict(note) for number, note in sorted(ledger.versions.items())}
    with FileLock(lock_path(root)):
        stores = _stores(root) | {_store(root, uri): {"versions": versions, "aliases": ledger.aliases}}
        write_json(root / FILE, stores)


def _stores(root: Path) -> dict[str, Any]:
    path = root / FILE
    return dict(read_json(path)) if path.exists() else {}


def _store(root: Path, uri: str | None) -> str:
    """`local`, or a name for a server; a password in its address is no part of it."""
    uri = without_password(uri or tracking_uri(root))
    return "local" if uri == local_uri(root) else hashlib.blake2b(uri.encode(), digest_size=8).hexdigest()
