"""Files and folders by DVC's hash: from its cache, the workspace, git, or a remote."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from emopipe.core.atomic import atomic_path
from emopipe.core.dvc_project import open_project
from emopipe.core.errors import WorkspaceError
from emopipe.tracking.git import git_bytes


def restore(root: Path, path: str, md5: str, target: Path, commit: str = "") -> None:
    """Write the file, or the folder (`.dir`), with this hash to `target`.

    Searched in DVC's cache, at `path` in the workspace, at `path` in `commit` (outs that git keeps), and in the
    remotes that are set. Raises `WorkspaceError` if it is nowhere.
    """
    with open_project(root, f"so {path} is not restored") as repo, atomic_path(target) as temporary:
        if _from_cache(repo, md5, temporary):
            return
        for content in (_read(root / path), git_bytes(root, "show", f"{commit}:{path}") if commit else b""):
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
                temporary.write_bytes(content)
                return
        if not (_pull(repo, md5) and _from_cache(repo, md5, temporary)):
            raise WorkspaceError(
                f"{path} with the hash {md5} is in no cache and no remote that is set: run `dvc fetch` where it is, "
                "or `dvc repro` to make it again"
            )


def _from_cache(repo: Any, md5: str, target: Path) -> bool:
    files = _cached_files(repo, md5)
    for name, (file, expected) in (files or {}).items():
        copy = target / name if name else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        if _md5_of(copy) != expected:
            raise WorkspaceError(f"{file} in DVC's cache is damaged: remove it, then run `dvc fetch` or `dvc repro`")
    return files is not None


def _cached_files(repo: Any, md5: str) -> dict[str, tuple[Path, str]] | None:
    """Files in the cache and their hashes, by path in the folder, "" for a single file; None if any is missing."""
    hashes = _hashes(repo, md5)
    files = {name: (_cached(repo, value), value) for name, value in (hashes or {}).items()}
    return files if hashes is not None and all(file.exists() for file, _ in files.values()) else None


def _hashes(repo: Any, md5: str) -> dict[str, str] | None:
    """The hash of each file; None if the cache lacks the list of a folder."""
    if not md5.endswith(".dir"):
        return {"": md5}
    listing = _cached(repo, md5)
    if not listing.exists():
        return None
    return {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text(encoding="utf-8"))}


def _cached(repo: Any, md5: str) -> Path:
    return Path(repo.cache.local.oid_to_path(md5))


def _md5_of(file: Path) -> str:
    """The hash by which DVC knows a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


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
        if _cached_files(repo, md5) is not None:
            return True
    return False
