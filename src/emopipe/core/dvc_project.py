"""The project's DVC repository, with DVC's failures as one line."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError

if TYPE_CHECKING:
    from dvc.repo import Repo

LOGGERS = ("dvc", "dvc_data", "dvc_objects")
RWLOCK = Path(".dvc/tmp/rwlock")
LOCAL_CONFIG = Path(".dvc/config.local")
NO_GIT = "# Written by `emopipe preflight`, which removes it after `git init`.\n[core]\n    no_scm = true\n"
COLOURS = re.compile(r"\x1b\[\d*m")
LENGTH = 200


@contextmanager
def open_project(root: Path, outcome: str) -> "Iterator[Repo]":
    """The DVC repository at `root`; a failure of DVC in the block is raised as by `dvc_faults`."""
    with dvc_faults(root, outcome):
        from dvc.repo import Repo

        with Repo(str(root)) as repo:
            yield repo


@contextmanager
def dvc_faults(root: Path, outcome: str) -> Iterator[None]:
    """Raise any error of DVC as a `WorkspaceError` of one line; `outcome` is its consequence."""
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.rwlock import RWLockFileCorruptedError
    from dvc.scm import SCMError

    try:
        yield
    except NotDvcRepoError as error:
        raise WorkspaceError(f"{root.resolve()} is no DVC project: run from the root of the project") from error
    except SCMError as error:
        if in_git(root):
            raise WorkspaceError(f"DVC fails, {outcome}: {error_line(error)}") from error
        raise WorkspaceError(
            f"{root.resolve()} is in no git repository, {outcome}: run `git init`, or `emopipe preflight` to go without"
        ) from error
    except LockError as error:
        if str(error).startswith("Unable to acquire lock"):
            raise WorkspaceError(
                f"another DVC process holds {root / '.dvc' / 'tmp' / 'lock'}, {outcome}: wait until it has ended"
            ) from error
        raise WorkspaceError(f"DVC is busy, {outcome}: {error_line(error)}") from error
    except RWLockFileCorruptedError as error:
        raise WorkspaceError(
            f"DVC was stopped while it wrote {root / RWLOCK}, {outcome}: run `emopipe preflight`, which removes it"
        ) from error
    except (DvcException, OSError, UnicodeError) as error:
        raise WorkspaceError(f"DVC fails, {outcome}: {error_line(error)}") from error


@contextmanager
def logged_errors(outcome: str) -> Iterator[None]:
    """Raise the first error that DVC logs in the block as a `WorkspaceError`, in place of what follows from it.

    DVC only logs a file that it cannot write to its cache, such as on a full disk, and may report success.
    """
    errors = _Collector()
    before = {name: logging.getLogger(name).handlers for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).handlers = [errors]
    try:
        yield
    finally:
        for name, handlers in before.items():
            logging.getLogger(name).handlers = handlers
        if errors.lines and not isinstance(sys.exception(), KeyboardInterrupt):
            raise WorkspaceError(f"DVC fails, {outcome}: {errors.lines[0]}")


def configure_git(root: Path) -> str:
    """Let DVC work without git where there is no repository, such as in a downloaded archive; a line if that is new.

    Raises `WorkspaceError` if `root` is no DVC project.
    """
    if not (root / ".dvc").is_dir():
        raise WorkspaceError(f"{root.resolve()} is no DVC project: run from the root of the project")
    local = root / LOCAL_CONFIG
    text = local.read_text(encoding="utf-8") if local.exists() else ""
    if in_git(root):
        if text == NO_GIT:
            local.unlink()
            return "DVC uses the git repository again"
        return ""
    with dvc_faults(root, "so it is not configured"):
        from dvc.config import Config

        config = Config(str(root / ".dvc"))
        if config["core"].get("no_scm"):
            return ""
        if text:
            with config.edit("local") as own:
                own.setdefault("core", {})["no_scm"] = True
        else:
            local.write_text(NO_GIT, encoding="utf-8")
    return "there is no git repository, so DVC works without one: runs have no commit, and there are no experiments"


def remove_torn_rwlock(root: Path) -> str:
    """Remove DVC's list of locked paths if a stop while DVC wrote it cut it off; a line if so.

    DVC writes it in place, several times a stage, and fails from then on. It only lists paths of running processes.
    """
    path = root / RWLOCK
    if not path.exists():
        return ""
    with dvc_faults(root, "so its locks are not checked"):
        from dvc.lock import make_lock

        with make_lock(str(path.with_suffix(".lock")), tmp_dir=str(path.parent)):  # under which DVC writes it
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                path.unlink()
                return f"{RWLOCK}, which DVC had not written to its end, is removed"
    return ""


def in_git(root: Path) -> bool:
    """Whether `root` is in a git repository, as DVC looks for one."""
    folder = root.resolve()
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def error_line(error: BaseException) -> str:
    """The message of an error in one line, with its cause; at most 200 characters."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = str(error)
    if error.__cause__ is not None and str(error.__cause__) not in text:
        text += f" ({error_line(error.__cause__)})"
    return " ".join(COLOURS.sub("", text).split())[:LENGTH] or type(error).__name__


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.lines.append(error_line(cause) if cause else " ".join(record.getMessage().split())[:LENGTH])
