"""Outs by their hash: from DVC's cache, from the workspace, from git, or from a remote."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from emopipe.core.atomic import atomic_path
from emopipe.core.errors import WorkspaceError
from emopipe.tracking.git import git_bytes


def restore(root: Path, path: str, md5: str, target: Path, commit: str = "") -> None:
    """Write to `target` what DVC knows as `md5`: a file, or a folder (`.dir`).

    It is looked for in DVC's cache, at `path` in the workspace, at `path` in `commit` (outs that git keeps), and in the
    remotes that are set. Raises `WorkspaceError` where none of them has it.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo, atomic_path(target) as temporary:
        if not (
            _from_cache(repo, md5, temporary)
            or _from_workspace(root / path, md5, temporary)
            or _from_commit(root, path, md5, temporary, commit)
            or (_pull(repo, md5) and _from_cache(repo, md5, temporary))
        ):
            raise WorkspaceError(
                f"{path} with the hash {md5} is in no cache and no remote that is set: run `dvc fetch` where it is, "
                "or `dvc repro` to make it again"
            )


def _from_cache(repo: Any, md5: str, target: Path) -> bool:
    members = _members(repo, md5)
    if members is None:
        return False
    for name, file in members.items():
        copy = target / name if name else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return True


def _members(repo: Any, md5: str) -> dict[str, Path] | None:
    """Files in the cache by their path inside the out, "" for a single file; none where any is missing."""
    hashes = _hashes(repo, md5)
    found = {name: _cached(repo, value) for name, value in (hashes or {}).items()}
    return found if hashes is not None and all(file.exists() for file in found.values()) else None


def _hashes(repo: Any, md5: str) -> dict[str, str] | None:
    """The hash of each file; none where the cache lacks the list of a folder."""
    if not md5.endswith(".dir"):
        return {"": md5}
    listing = _cached(repo, md5)
    if not listing.exists():
        return None
    return {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text(encoding="utf-8"))}


def _cached(repo: Any, md5: str) -> Path:
    return Path(repo.cache.local.oid_to_path(md5))


def _from_workspace(source: Path, md5: str, target: Path) -> bool:
    if not source.is_file() or hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest() != md5:
        return False
    shutil.copyfile(source, target)
    return True


def _from_commit(root: Path, path: str, md5: str, target: Path, commit: str) -> bool:
    content = git_bytes(root, "show", f"{commit}:{path}") if commit else b""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        return False
    target.write_bytes(content)
    return True


def _pull(repo: Any, md5: str) -> bool:
    """Fetch it from the first remote that has it."""
    from dvc.exceptions import DvcException
    from dvc_data.hashfile.hash_info import HashInfo

    for name in repo.config["remote"]:
        try:
            repo.cloud.pull({HashInfo("md5", md5)}, remote=name)  # of a folder only the list of its files
            repo.cloud.pull({HashInfo("md5", value) for value in (_hashes(repo, md5) or {}).values()}, remote=name)
        except (DvcException, OSError):
            continue
        if _members(repo, md5) is not None:
            return True
    return False
