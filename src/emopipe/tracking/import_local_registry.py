"""The registry of the local store, taken over by a server that comes in its place."""

from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.registry import DIGEST_TAG
from emopipe.tracking.registry_backup import Ledger, note_registry, read_ledger, write_ledger
from emopipe.tracking.store import NAME, local_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient


def adopt_local(root: Path, client: "MlflowClient") -> None:
    """Note, as if of the client's store, the versions and aliases that the local store has now.

    `emopipe sync` then brings back what the store lacks of them. A store that has them already is left alone. Raises
    `WorkspaceError` where the local store is the one in use or is not there, or the store has other versions.
    """
    noted = _local(root, client)
    here = {int(version.version): version.tags for version in client.search_model_versions(f"name = '{NAME}'")}
    last = max(noted.versions, default=0)
    for number, tags in sorted(here.items()):
        note = noted.versions.get(number)
        is_same = note is not None and note.tags.get(DIGEST_TAG) == tags.get(DIGEST_TAG)
        if number <= last and not is_same:
            raise WorkspaceError(
                f"version {number} of the server is another than version {number} of mlflow.db, and two registries "
                f"cannot be joined: if nobody needs the server's, delete its registered model {NAME}, else sync "
                "without --from-local"
            )
    if not here:
        write_ledger(root, noted)


def _local(root: Path, client: "MlflowClient") -> Ledger:
    from mlflow import MlflowClient

    uri = local_uri(root)
    if client.tracking_uri == uri:
        raise WorkspaceError("mlflow.db is the store in use: set MLFLOW_TRACKING_URI to the one that takes its place")
    if not (root / "mlflow.db").exists():
        raise WorkspaceError(f"{root} has no mlflow.db to take over: sync without --from-local")
    note_registry(root, MlflowClient(uri, uri))
    return read_ledger(root, uri)
