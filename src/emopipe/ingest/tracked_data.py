"""The folder data/ under DVC: it is replaced and tracked, or it stays as it was."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from emopipe.core.dvc_project import dvc_faults, error_line, logged_errors, open_project
from emopipe.core.errors import DataError, WorkspaceError
from emopipe.ingest.sources.base import Source
from emopipe.ingest.sources.listing import all_files

DATA = "data"
"""The folder, at the project's root, that holds the one source."""
UNCHANGED = f"so {DATA}/ is unchanged"


def require_recoverable(root: Path) -> None:
    """Raise `WorkspaceError` unless DVC's cache has everything in data/."""
    data = root / DATA
    if not data.exists() or not any(all_files(data)):
        return
    tracked = f"{DATA}.dvc"
    with open_project(root, UNCHANGED) as repo:
        if not (root / tracked).exists() or repo.status([str(root / tracked)]):
            raise WorkspaceError(
                f"{data} holds files that DVC does not have: keep them with `dvc add {DATA}`, or replace them with "
                "--force"
            )


def replace_data(root: Path, source: Source) -> None:
    """Copy the source to data/, in place of what is there, and track it; after a failure all is as it was."""
    data = root / DATA
    copy = _beside(data, "new")
    with dvc_faults(root, UNCHANGED), ExitStack() as cleaning:
        cleaning.callback(_remove, copy)
        _copy(source, copy, data)
        with _restored_on_failure(data):
            copy.replace(data)
            track_data(root)


def track_data(root: Path) -> None:
    """`dvc add data`; after a failure the files of DVC are as they were."""
    paths = [root / name for name in (f"{DATA}.dvc", ".gitignore")]
    with open_project(root, UNCHANGED) as repo, ExitStack() as stack:
        for path in paths:
            stack.enter_context(_restored_on_failure(path, copy=True))
        with logged_errors(UNCHANGED):
            repo.add(str(root / DATA))


def _copy(source: Source, to: Path, data: Path) -> None:
    try:
        for name in tqdm(source.files, desc="copy", unit=" files", disable=None):
            _require_own_file(source.root, name)
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.root / name, to / name)
    except OSError as error:
        raise WorkspaceError(f"{source.name} could not be copied to {data} ({error_line(error)})") from error


def _require_own_file(root: Path, name: str) -> None:
    """Raise `DataError` for a link below `root` that leads out of it, and for a pipe, a socket or a device.

    In a folder of pictures such a link may name any file of this machine. A table at the top may be a link.
    """
    path = root / name
    if "/" in name and path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise DataError(f"{path} is a link out of {root}: put the file itself in its place")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no file but a pipe, a socket or a device: remove it")


@contextmanager
def _restored_on_failure(path: Path, *, copy: bool = False) -> Iterator[None]:
    """Move `path` aside for the block, or copy it, and put it back if the block fails."""
    aside = _beside(path, "old")
    existed = path.exists()
    if existed:
        shutil.copyfile(path, aside) if copy else path.replace(aside)
    try:
        yield
    except BaseException:
        _remove(path)
        if existed:
            aside.replace(path)
        raise
    _remove(aside)


def _beside(path: Path, kind: str) -> Path:
    """A name in the same folder that git and DVC ignore."""
    return path.with_name(f".{path.name}.{kind}.{os.getpid()}.tmp")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
