"""Versions and aliases of a registry whose store was lost, from registry.json and from DVC's outs."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json, read_parquet
from emopipe.core.params import parse_params
from emopipe.export.latency import latency_ms
from emopipe.faces.table import faces_from_arrow
from emopipe.tracking.expected_runs import registered
from emopipe.tracking.index import RunIndex
from emopipe.tracking.origin import Origin
from emopipe.tracking.outs import restore
from emopipe.tracking.registry import EXPORTS_TAG, log_bundle, new_version, register, version_facts
from emopipe.tracking.registry_backup import VersionNote, aliases, forget_version, note_registry, read_ledger
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.snapshots import Snapshot
from emopipe.tracking.store import NAME, connect
from emopipe.tracking.versions import mlflow_faults

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

GONE_TAG = "emopipe.gone"
LOGGED = "models:/m-"
NO_FILES = "dvc:///exports"
"""Source of a version without files: an address that means nothing to MLflow, whose server wants a path in it."""


def lost_versions(root: Path, client: "MlflowClient") -> dict[int, VersionNote]:
    """Versions that are noted and that the registry lacks, by number."""
    here = client.search_model_versions(f"name = '{NAME}'")
    last = max((int(version.version) for version in here), default=0)
    return {number: note for number, note in sorted(read_ledger(root).versions.items()) if number > last}


def restore_versions(root: Path, index: RunIndex) -> Iterator[str]:
    """Bring lost versions back under their numbers, and the aliases that stood on them; yields what does not come back.

    A version whose files are gone keeps its number and what was noted on it, and gets no alias.
    """
    client, noted = index.client, read_ledger(root).aliases
    lost = lost_versions(root, client)
    for number, note in lost.items():
        yield from _restore(root, index, number, note)
    for alias, number in sorted(noted.items()):
        if number in lost and alias not in aliases(client):
            if number in whole_versions(client):
                client.set_registered_model_alias(NAME, alias, str(number))
            elif number in read_ledger(root).versions:
                yield f"{alias} stays unset: the files of its version {number} are gone"
    if lost:
        note_registry(root, client)


def whole_versions(client: "MlflowClient") -> set[int]:
    """The versions that did not come back without files."""
    here = client.search_model_versions(f"name = '{NAME}'")
    return {int(version.version) for version in here if GONE_TAG not in version.tags}


def emptied(client: "MlflowClient") -> "list[ModelVersion]":
    """Versions whose files are not where MLflow looks for them."""
    versions = client.search_model_versions(f"name = '{NAME}'")
    logged = [version for version in versions if str(version.source).startswith(LOGGED)]
    return [version for version in logged if not client.list_logged_model_artifacts(model_id(version))]


def model_id(version: "ModelVersion") -> str:
    """The model behind a version, which SQL stores name by its source alone."""
    return str(version.source).removeprefix("models:/")


def refill(root: Path, index: RunIndex, version: "ModelVersion") -> None:
    """Bring its files back; raises `WorkspaceError` where they are in no cache and no remote."""
    note = read_ledger(root).versions.get(int(version.version), VersionNote(tags={}, about=""))
    with tempfile.TemporaryDirectory() as temporary:
        origin, bundle, example = _files(root, note, Path(temporary))
        log_bundle(index.client, None, bundle, example, origin, model_id=model_id(version))  # its run names it already


def restore_first(run: ModelRun) -> None:
    """Before a new version is made: it must not take the number of one that was lost."""
    client, _ = run.connection()
    with mlflow_faults("so nothing is registered, and no alias has moved"):
        if lost_versions(run.root, client):
            for problem in restore_versions(run.root, RunIndex(*connect(run.root))):
                print(f"warning: {problem}")


def example_face(table: Path) -> bytes:
    """The picture that is kept with a version as its input: the first of validation."""
    return bytes(faces_from_arrow(read_parquet(table)).split("val").frame["png"].iloc[0])


def unregistered(snapshot: Snapshot, client: "MlflowClient") -> list[str]:
    """A line where the stage `register` has run in this state and the registry has no version of its export."""
    export = registered(snapshot)
    if export is None:
        return []
    value = export.outs["exports"]
    known = client.search_model_versions(f"name = '{NAME}' and tags.`{EXPORTS_TAG}` = '{value}'")
    lost = [note for note in lost_versions(snapshot.root, client).values() if note.tags.get(EXPORTS_TAG) == value]
    return [] if known or lost else ["the export of this state is no version of the registry"]


def register_snapshot(snapshot: Snapshot) -> None:
    """Register what the stage `register` did in this state; raises `WorkspaceError` where that cannot be."""
    export = snapshot.records["export"]
    origin = snapshot.origin(export)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _, bundle, example = _files(snapshot.root, VersionNote(tags={}, about="", origin=asdict(origin)), folder)
        report = "reports/export.json"
        restore(snapshot.root, report, export.outs[report], folder / report, snapshot.commit)
        exported = read_json(folder / report)
        limits = parse_params(snapshot.params(export)).export
        facts = version_facts(exported, limits, latency_ms(bundle, example))
        trained = snapshot.records[f"train@{exported['model']}"]
        with ModelRun(snapshot.root, exported["model"], trained.state, snapshot.params(trained)).find() as run:
            register(bundle, run, example, *facts, origin=origin)


def _restore(root: Path, index: RunIndex, number: int, note: VersionNote) -> Iterator[str]:
    client, run = index.client, index.take(note.key) if note.key else None
    run_id = run.info.run_id if run else None
    _skip_to(client, number)
    with tempfile.TemporaryDirectory() as temporary:
        try:
            origin, bundle, example = _files(root, note, Path(temporary))
            model = log_bundle(client, run_id, bundle, example, origin)
            created = new_version(client, model.model_uri, run_id, note.tags, note.about, model.model_id)
        except WorkspaceError as error:
            created = new_version(client, NO_FILES, run_id, note.tags | {GONE_TAG: str(error)}, note.about)
            yield f"version {number} comes back without its files: {error}"
    if int(created) != number:  # the store still counts a version that was deleted
        client.delete_model_version(NAME, created)
        forget_version(root, number)
        yield f"version {number} was deleted by hand, and stays so"


def _files(root: Path, note: VersionNote, folder: Path) -> tuple[Origin, Path, bytes]:
    """Origin, bundle and example of a version; raises `WorkspaceError` where they are in no cache and no remote."""
    if note.origin is None:
        raise WorkspaceError("it was not registered by this project, so that nobody noted where its files are")
    origin = Origin(**note.origin)
    outs = {path: value for paths in origin.outs.values() for path, value in paths.items()}
    for path in ("exports", "build/clean.parquet"):
        if path not in outs:
            raise WorkspaceError(f"nobody noted the hash of its {path}")
        restore(root, path, outs[path], folder / path)
    return origin, folder / "exports", example_face(folder / "build" / "clean.parquet")


def _skip_to(client: "MlflowClient", number: int) -> None:
    """Use up the numbers before `number`, which belonged to versions that are no more."""
    have = [int(version.version) for version in client.search_model_versions(f"name = '{NAME}'")]
    last = max(have, default=0)
    while last < number - 1:
        last = int(new_version(client, NO_FILES, None, {}, ""))
        client.delete_model_version(NAME, str(last))
