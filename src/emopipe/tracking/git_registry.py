"""The registry in git: annotated tags that GTO and DVC read, `emopipe@v3.0.0` and `emopipe#champion#2`.

A tag is on a commit whose dvc.lock holds the bundle. In GTO's grammar (https://dvc.org/doc/gto) a version has three
numbers, and the last number of an alias counts its tags: the highest one counts.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.commits import first_commits
from emopipe.tracking.git import git
from emopipe.tracking.naming import MODEL_TAG
from emopipe.tracking.snapshots import Snapshot
from emopipe.tracking.store import NAME
from emopipe.tracking.versions import CHAMPION, EXPORTS_TAG

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

VERSION = re.compile(rf"{NAME}@v(\d+)(?:\.0\.0)?")
ALIAS = re.compile(rf"{NAME}#(\w[\w/-]*)#(\d+)")


@dataclass(frozen=True, kw_only=True)
class GitRegistry:
    """The tags of a repository."""

    commits: Mapping[str, str]
    """Tag to commit."""
    versions: Mapping[int, str]
    """Number to tag, in ascending order."""
    aliases: Mapping[str, Mapping[int, str]]
    """Tags of each alias by their count, in ascending order."""


@dataclass(frozen=True, kw_only=True)
class NewTag:
    """A tag to make."""

    name: str
    commit: str
    message: str


def read_git_registry(root: Path) -> GitRegistry:
    """The tags that exist; none without a repository."""
    shown = "--format=%(refname:strip=2) %(objectname) %(*objectname)"  # the last one of an annotated tag is the commit
    lines = git(root, "for-each-ref", shown, f"refs/tags/{NAME}*").splitlines()
    commits = {name: found[-1] for name, *found in map(str.split, lines)}
    versions = {int(match[1]): name for name in commits if (match := VERSION.fullmatch(name))}
    aliases: dict[str, dict[int, str]] = {}
    for match in filter(None, map(ALIAS.fullmatch, commits)):
        aliases.setdefault(match[1], {})[int(match[2])] = match[0]
    ordered = {alias: dict(sorted(tags.items())) for alias, tags in sorted(aliases.items())}
    return GitRegistry(commits=commits, versions=dict(sorted(versions.items())), aliases=ordered)


def exports_at(root: Path, commit: str) -> str:
    """DVC's hash of the bundle that a commit holds; empty without one."""
    export = Snapshot(root, commit).records.get("export")
    return export.outs.get("exports", "") if export else ""


def missing_tags(root: Path, version: "ModelVersion") -> list[NewTag]:
    """The tags that a version lacks as champion.

    Raises `WorkspaceError` if no commit holds its bundle, or the tag of its number is on a commit with another one.
    """
    registry, exports = read_git_registry(root), version.tags.get(EXPORTS_TAG, "")
    bundles = {name: exports_at(root, commit) for name, commit in registry.commits.items()}
    tagged = next((name for name in registry.versions.values() if exports and bundles[name] == exports), None)
    commit = registry.commits[tagged] if tagged else _commit_of(root, version)
    message, new = f"{version.tags.get(MODEL_TAG, NAME)}: version {version.version} in MLflow", []
    if tagged is None:
        taken = registry.versions.get(int(version.version))
        if taken:
            raise WorkspaceError(
                f"the tag {taken} is on commit {registry.commits[taken][:7]}, which holds another bundle than version "
                f"{version.version}: if it is wrong, `git tag --delete {taken}`"
            )
        new.append(NewTag(name=f"{NAME}@v{version.version}.0.0", commit=commit, message=message))
    last = list(registry.aliases.get(CHAMPION, {}).values())[-1:]
    if not last or bundles[last[0]] != exports:
        count = 1 + max((count for tags in registry.aliases.values() for count in tags), default=0)
        new.append(NewTag(name=f"{NAME}#{CHAMPION}#{count}", commit=commit, message=message))
    return new


def make_tags(root: Path, version: "ModelVersion", tags: list[NewTag]) -> tuple[str, ...]:
    """Make the tags; their names. Raises `WorkspaceError` if git refuses, such as without a user."""
    for tag in tags:
        command = ["git", "-C", str(root), "tag", "--annotate", "--message", tag.message, tag.name, tag.commit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise WorkspaceError(
                f"version {version.version} is the {CHAMPION}, but git does not make the tag {tag.name} ({reason}): "
                f"afterwards `emopipe promote {version.version} --tag`"
            )
    return tuple(tag.name for tag in tags)


def _commit_of(root: Path, version: "ModelVersion") -> str:
    exports = version.tags.get(EXPORTS_TAG, "")
    commit = first_commits(root, [exports] if exports else []).get(exports)
    if commit is None:
        raise WorkspaceError(f"no commit holds the bundle of version {version.version}: commit dvc.lock first")
    return commit
