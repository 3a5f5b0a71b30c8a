"""A post-commit hook of git that tags MLflow's runs with the commit that holds their state."""

import shlex
import sys
from pathlib import Path

from emopipe.core.dvc_lock import LOCK
from emopipe.core.errors import WorkspaceError
from emopipe.core.files import write_bytes
from emopipe.tracking.git import git

MARK = "# Written by `emopipe sync --install-hook`"
HOOK = f"""#!/bin/sh
{MARK}: tags MLflow's runs with the commit that holds their state.
git symbolic-ref --quiet HEAD >/dev/null || exit 0  # DVC commits experiments without a branch
git diff-tree --root --no-commit-id --name-only -r HEAD | grep -Fqx {{lock}} || exit 0
cd "$(git rev-parse --show-toplevel)"/{{folder}} || exit 0
unset $(git rev-parse --local-env-vars)
emopipe={{command}}
[ -x "$emopipe" ] || emopipe=emopipe
"$emopipe" sync --commits >/dev/null 2>&1
exit 0
"""


def install_hook(root: Path) -> str:
    """Write the hook where git looks for it, also of a worktree; a line for the terminal.

    Raises `WorkspaceError` without a repository, or if there is another post-commit hook.
    """
    found = git(root, "rev-parse", "--git-path", "hooks/post-commit")
    if not found:
        raise WorkspaceError(f"{root} is in no git repository: run `git init` first")
    path, prefix = root / found, git(root, "rev-parse", "--show-prefix")
    before = path.read_bytes() if path.exists() else b""
    if before and MARK.encode() not in before:
        raise WorkspaceError(f"{path} is another hook: add the line `emopipe sync --commits` to it")
    command = Path(sys.executable).with_name("emopipe")
    names = {"lock": prefix + LOCK, "folder": prefix, "command": str(command)}
    content = HOOK.format(**{name: shlex.quote(value) for name, value in names.items()}).encode()
    write_bytes(path, content)
    path.chmod(0o755)
    return f"the post-commit hook is {'as it was' if content == before else 'installed'}: {path}"
