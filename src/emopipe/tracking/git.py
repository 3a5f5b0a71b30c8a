"""Output of git commands; empty without a repository, a commit, or git itself."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def git(root: Path, *command: str, **environment: str) -> str:
    """Standard output of a git command; empty if it fails."""
    return git_bytes(root, *command, environment=environment).decode("utf-8", "surrogateescape").strip()


CODE = (".css", ".j2", ".py")
"""Suffixes of new files whose content is kept; others, such as `.env`, may hold what nobody wants to publish."""


def git_bytes(root: Path, *command: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
    """The same as bytes."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *command],
            input=stdin,
            capture_output=True,
            check=True,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.CalledProcessError):
        return b""
    return done.stdout


def difference(root: Path, commit: str, paths: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Changes of `paths` since `commit`, for `git apply`, and the names of new files that they leave out.

    New files count at the root and if they are code. Leaves git's index alone.
    """
    untracked = git(root, "ls-files", "--others", "--exclude-standard", "--", *paths).splitlines()
    new = [name for name in untracked if "/" not in name or Path(name).suffix in CODE]
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(root, "read-tree", commit, **index)
        if new:
            git(root, "add", "--intent-to-add", "--", *new, **index)
        changed = git_bytes(root, "diff", "--binary", commit, "--", *paths, environment=index)
    return changed.decode("utf-8", "surrogateescape"), tuple(sorted(set(untracked) - set(new)))
