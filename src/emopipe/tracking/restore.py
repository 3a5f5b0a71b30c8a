"""Versions, tags and aliases that a registry lacks, from registry.json and from DVC's outs."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.champions import champion_history, store_history, stored_history
from emopipe.tracking.index import RunIndex
from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.origin import Origin
from emopipe.tracking.outs import restore
from emopipe.tracking.registry import add_version, bundle_digest, example_face, log_bundle
from emopipe.tracking.registry_backup import FILE, RegisteredBundle, read_backup
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import (
    CHAMPION,
    DIGEST_TAG,
    REPLACED_TAG,
    all_versions,
    get_aliases,
    mlflow_faults,
    tag_version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


class Remark(str):
    """What `emopipe sync` adds to its line on a repair."""


Repair = tuple[str, Callable[[], object]]
"""What a store lacks, and a function that adds it or raises `EmopipeError`; it may return a `Remark`."""
LOGGED_MODEL = "models:/"
EXPORTS = "exports"


def missing_bundles(root: Path, client: "MlflowClient") -> dict[str, RegisteredBundle]:
    """Bundles of registry.json that the registry lacks, by digest, in the order in which they were registered."""
    known = {version.tags.get(DIGEST_TAG) for version in all_versions(client)}
    bundles = sorted(read_backup(root).bundles.items(), key=lambda item: item[1].order)
    return {digest: bundle for digest, bundle in bundles if digest not in known}


def bundle_name(digest: str, bundle: RegisteredBundle) -> str:
    """`bundle 3f2a1c9 of cnn`."""
    return f"bundle {digest[:7]} of {bundle.tags.get(MODEL_TAG, 'an unknown model')}"


def restore_bundle(root: Path, index: RunIndex, digest: str, bundle: RegisteredBundle) -> str:
    """Register a bundle again, with its tags; the number of its version.

    Raises `WorkspaceError` if its files are in no cache and no remote.
    """
    run = index.find(bundle.key) if bundle.key else None
    with tempfile.TemporaryDirectory() as temporary:
        origin, files = _files(root, bundle, Path(temporary))
        if bundle_digest(files) != digest:
            raise WorkspaceError(f"its files in DVC have another digest: take {FILE} from git")
        run_id = run.info.run_id if run else None
        return add_version(index.client, run_id, files, example_face(), bundle.tags, bundle.description, origin)


def restore_champion(run: ModelRun) -> None:
    """Register the champion of registry.json if the store has none, so that a new version does not take its place."""
    client, _ = run.connection()
    with mlflow_faults("so the model is not registered, and no alias has moved"):
        digest = read_backup(run.root).aliases.get(CHAMPION, "")
        bundle = missing_bundles(run.root, client).get(digest)
        if bundle is None or CHAMPION in get_aliases(client):
            return
        try:
            number = restore_bundle(run.root, RunIndex(*connect(run.root)), digest, bundle)
            client.set_registered_model_alias(NAME, CHAMPION, number)
        except WorkspaceError as error:
            print(f"warning: the champion of {FILE}, {bundle_name(digest, bundle)}, is not registered: {error}")


def tag_repairs(root: Path, client: "MlflowClient") -> Iterator[Repair]:
    """Tags and aliases of registry.json that the registry lacks; what the registry has is kept."""
    backup, versions = read_backup(root), all_versions(client)
    numbers = {version.tags[DIGEST_TAG]: str(version.version) for version in versions if DIGEST_TAG in version.tags}
    for version in versions:
        bundle = backup.bundles.get(version.tags.get(DIGEST_TAG, ""))
        tags = (bundle.tags if bundle else {}) | version.tags
        if REPLACED_TAG in tags:
            tags[REPLACED_TAG] = numbers.get(tags[REPLACED_TAG], tags[REPLACED_TAG])
        lacking = {name: value for name, value in tags.items() if value != version.tags.get(name)}
        if lacking:
            yield f"version {version.version} lacks tags", partial(tag_version, client, version, lacking)
    aliases = get_aliases(client)
    for alias, digest in backup.aliases.items():
        if alias not in aliases:
            yield f"the alias {alias} is not set", partial(_set_alias, client, alias, digest, numbers.get(digest))
    history = [numbers[digest] for digest in backup.champions if digest in numbers]
    is_lost = history and stored_history(client) is None
    if is_lost and champion_history(client, history) != champion_history(client):
        yield "the history of champions is not set", partial(store_history, client, history)


def _set_alias(client: "MlflowClient", alias: str, digest: str, number: str | None) -> None:
    if number is None:
        raise WorkspaceError(f"its bundle {digest[:7]} is not registered")
    client.set_registered_model_alias(NAME, alias, number)


def versions_without_files(client: "MlflowClient") -> "list[ModelVersion]":
    """Versions whose files are not where MLflow looks for them."""
    logged = [version for version in all_versions(client) if str(version.source).startswith(LOGGED_MODEL)]
    return [version for version in logged if not client.list_logged_model_artifacts(model_id(version))]


def model_id(version: "ModelVersion") -> str:
    """The id of the model of a version, which SQL stores only as a part of its source."""
    return str(version.source).removeprefix(LOGGED_MODEL)


def restore_files(root: Path, client: "MlflowClient", version: "ModelVersion") -> None:
    """Log the files of a version again; raises `WorkspaceError` if they are in no cache and no remote."""
    bundle = read_backup(root).bundles.get(version.tags.get(DIGEST_TAG, ""))
    with tempfile.TemporaryDirectory() as temporary:
        origin, files = _files(root, bundle, Path(temporary))
        log_bundle(client, files, example_face(), origin, model_id=model_id(version))


def _files(root: Path, bundle: RegisteredBundle | None, folder: Path) -> tuple[Origin, Path]:
    if bundle is None or bundle.origin is None:
        raise WorkspaceError("its origin is unknown, and so are the hashes of its files")
    return files_of_origin(root, Origin(**bundle.origin), folder)


def files_of_origin(root: Path, origin: Origin, folder: Path) -> tuple[Origin, Path]:
    """Origin and bundle; raises `WorkspaceError` if its files are in no cache and no remote."""
    outs = {path: md5 for paths in origin.outs.values() for path, md5 in paths.items()}
    if EXPORTS not in outs:
        raise WorkspaceError(f"its origin has no hash of {EXPORTS}")
    restore(root, EXPORTS, outs[EXPORTS], folder / EXPORTS)
    return origin, folder / EXPORTS
