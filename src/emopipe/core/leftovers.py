"""Outs of stages that dvc.yaml no longer defines: a stage that reads a whole folder must not read them."""

import shutil
from collections.abc import Collection
from pathlib import Path

from emopipe.core.dvc_lock import LOCK, read_lock, workspace_records
from emopipe.core.errors import WorkspaceError


def remove_leftovers(root: Path) -> list[str]:
    """Remove the outs of stages that are in dvc.lock but no longer in dvc.yaml; their paths.

    DVC's cache keeps them. Raises `WorkspaceError` if a file of the pipeline is not readable.
    """
    lock = root / LOCK
    recorded = read_lock(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    kept = {path for record in workspace_records(root).values() for path in record.outs}
    unused = {path for record in recorded.values() for path in record.outs} - kept
    removed = sorted(path for path in unused if (root / path).exists())
    for path in removed:
        shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()
    return removed


def check_folder(folder: Path, names: Collection[str]) -> None:
    """Raise `WorkspaceError` if `folder` holds more than one file or folder per name, whatever its suffix."""
    entries = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    unknown = [entry for entry in entries if entry not in names and entry.rpartition(".")[0] not in names]
    if unknown:
        raise WorkspaceError(
            f"{folder} holds {', '.join(unknown)}, of no model in params.yaml: run `dvc checkout`, or remove "
            f"{'it' if len(unknown) == 1 else 'them'}"
        )
