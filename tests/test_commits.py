"""Runs and versions are found by the first commit that holds their state; and the command that lists them."""

import json
from pathlib import Path

import pytest
import yaml

from emopipe.core.errors import WorkspaceError
from emopipe.core.files import read_json
from emopipe.tracking.commits import first_commits, lock_history
from emopipe.tracking.hook import install_hook
from emopipe.tracking.origin import creation_tags, without_credentials
from emopipe.tracking.store import connect
from emopipe.tracking.sync import sync, tag_commits
from projects import commit, succeed
from registries import add_version, new_store
from test_promote import emopipe

pytestmark = pytest.mark.filterwarnings("ignore")  # mlflow warns of its own code
EXPORTS = "ab" * 16 + ".dir"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a run of cnn below its state, and version 1."""
    root = new_store(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        add_version(root, "cnn", None, **{"dvc.exports": EXPORTS, "emopipe.bundle": "d" * 32})
    return root


@pytest.fixture
def root(store, tmp_path, monkeypatch) -> Path:
    """A git project with one commit and a copy of that store, whose state dvc.lock does not hold yet."""
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlflow.db").write_bytes((store / "mlflow.db").read_bytes())
    (tmp_path / ".gitignore").write_text("mlflow.db*\nmlartifacts\n")
    (tmp_path / "dvc.yaml").write_text("stages: {train: {foreach: [cnn], do: {cmd: ''}}, export: {cmd: ''}}")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    succeed(tmp_path, "git", "init", "--quiet")
    commit(tmp_path, "before")
    return tmp_path


def lock(faces: str = "c" * 32, exports: str = EXPORTS) -> str:
    """A dvc.lock; by default of the run and the version of the store."""
    train = {"cmd": "", "deps": [{"path": "build/clean.parquet", "md5": faces}], "outs": []}
    export = {"cmd": "", "outs": [{"path": "exports", "md5": exports if faces == "c" * 32 else "none.dir"}]}
    return yaml.safe_dump({"schema": "2.0", "stages": {"train@cnn": train, "export": export}})


def head(root: Path) -> str:
    return succeed(root, "git", "rev-parse", "HEAD").strip()


def found(root: Path, commit_id: str) -> list[str]:
    """Names of the runs that a search by commit finds."""
    client, experiment = connect(root)
    runs = client.search_runs([experiment], filter_string=f"tags.`dvc.commit` = '{commit_id}'")
    return sorted(run.info.run_name.split()[0] for run in runs)


def version_tags(root: Path) -> dict[str, str]:
    return connect(root)[0].get_model_version("emopipe", "1").tags


# The tag dvc.commit


@pytest.mark.slow
def test_after_a_commit_its_runs_and_versions_are_found_by_it(root):
    (root / "dvc.lock").write_text(lock())
    assert sync(root, check_only=True).problems == []
    assert sync(root).done == [], "nothing is committed"
    commit(root, "trained")
    (problem,) = sync(root, check_only=True).problems
    assert problem.endswith(f", version 1 without the tag of commit {head(root)[:7]}: `emopipe sync`")
    assert found(root, head(root)) == []
    (done,) = sync(root).done
    assert done.endswith(": repaired")
    assert found(root, head(root)) == ["cnn", "state"]
    assert version_tags(root)["dvc.commit"] == head(root)
    first = head(root)
    (root / "dvc.lock").write_text(lock() + "# later\n")
    commit(root, "later")
    assert (sync(root).done, found(root, first)) == ([], ["cnn", "state"])


@pytest.mark.slow
def test_an_experiment_settles_once_it_is_applied_and_committed(root):
    baseline = head(root)
    succeed(root, "git", "checkout", "--quiet", "--detach")
    (root / "dvc.lock").write_text(lock())
    commit(root, "an experiment")
    succeed(root, "git", "update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/slow", head(root))
    succeed(root, "git", "checkout", "--quiet", "-")
    assert sync(root).done == []
    (root / "dvc.lock").write_text(lock())
    commit(root, "applied")
    sync(root)
    assert found(root, head(root)) == ["cnn", "state"]


@pytest.mark.slow
def test_the_registry_file_stays_as_it_was_committed(root):
    (root / "dvc.lock").write_text(lock())
    sync(root)
    commit(root, "trained")
    sync(root)
    assert "dvc.commit" in version_tags(root)
    assert "dvc.commit" not in read_json(root / "registry.json")["bundles"]["d" * 32]["tags"]
    assert succeed(root, "git", "status", "--porcelain") == ""


def test_it_is_the_first_commit_of_any_branch_even_of_one_that_was_merged_away(root):
    succeed(root, "git", "checkout", "--quiet", "-b", "side")
    (root / "dvc.lock").write_text(lock())
    commit(root, "trained")
    first = head(root)
    succeed(root, "git", "checkout", "--quiet", "-")
    (root / "dvc.lock").write_text(lock("1" * 32))
    commit(root, "other")
    assert first_commits(root, [EXPORTS]) == {EXPORTS: first}
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    succeed(root, "git", *identity, "merge", "--quiet", "--strategy", "ours", "side", "--message", "merged")
    succeed(root, "git", "branch", "--quiet", "--delete", "side")
    assert first_commits(root, [EXPORTS, "unknown"]) == {EXPORTS: first}


def test_commits_without_a_readable_lock_are_passed(root):
    before = head(root)
    succeed(root, "git", "rm", "--quiet", "dvc.lock")
    commit(root, "without")
    (root / "dvc.lock").write_text("<<<<<<< ours\n")
    commit(root, "broken")
    broken = head(root)
    (root / "dvc.lock").write_text(lock())
    commit(root, "trained")
    assert [one for one, _ in lock_history(root)] == [before, broken, head(root)]
    assert first_commits(root, [EXPORTS]) == {EXPORTS: head(root)}


def test_without_git_or_a_commit_nothing_is_found(tmp_path):
    assert first_commits(tmp_path, [EXPORTS]) == {}
    succeed(tmp_path, "git", "init", "--quiet")
    assert first_commits(tmp_path, [EXPORTS]) == {}


def test_no_history_is_read_if_nothing_lacks_its_commit(root, monkeypatch):
    monkeypatch.setattr("emopipe.tracking.commits.lock_history", None)
    assert first_commits(root, []) == {}


# User and repository


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ada:secret@example.org/team/faces.git?token=secret#x", "https://example.org/team/faces.git"),
        ("https://secret@example.org:8443/faces.git", "https://example.org:8443/faces.git"),
        ("ssh://git@example.org/faces.git", "ssh://example.org/faces.git"),
        ("git@example.org:team/faces.git", "git@example.org:team/faces.git"),
        ("https://[secret", ""),
        ("", ""),
    ],
)
def test_the_address_of_the_repository_has_no_credentials(address, shown):
    assert without_credentials(address) == shown


def test_a_run_names_its_user_and_repository(root, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert creation_tags(root) == {"mlflow.user": "ada"}
    succeed(root, "git", "config", "user.name", "Ada Lovelace")
    succeed(root, "git", "remote", "add", "origin", "https://ada:secret@example.org/faces.git")
    tags = {"mlflow.user": "Ada Lovelace", "mlflow.source.git.repoURL": "https://example.org/faces.git"}
    assert creation_tags(root) == tags


@pytest.mark.slow
def test_runs_of_models_and_of_states_have_these_tags(root):
    succeed(root, "git", "config", "user.name", "Ada Lovelace")
    add_version(root, "resnet18", None)
    client, experiment = connect(root)
    newest = client.search_runs([experiment], "tags.`emopipe.model` = 'resnet18'")[0]
    assert newest.data.tags["mlflow.user"] == "Ada Lovelace"
    assert "mlflow.source.git.repoURL" not in newest.data.tags


# The hook


@pytest.mark.slow
def test_with_the_hook_a_commit_tags_its_runs_at_once(root):
    (root / "dvc.lock").write_text(lock())
    path = root / ".git" / "hooks" / "post-commit"
    assert install_hook(root) == f"the post-commit hook is installed: {path}"
    assert install_hook(root) == f"the post-commit hook is as it was: {path}"
    commit(root, "trained")
    assert found(root, head(root)) == ["cnn", "state"]


@pytest.fixture
def called(root, monkeypatch) -> Path:
    """A file that names the folders where the hook has called `emopipe`, with the arguments."""
    program, log = root / "bin" / "emopipe", root / "called"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$PWD $*" >> {log}\nexit 1\n')
    program.chmod(0o755)
    (root / ".gitignore").write_text("/bin\n/called\nmlflow.db*\n")
    monkeypatch.setattr("sys.executable", str(program.with_name("python")))
    return log


def test_the_hook_is_for_commits_of_a_branch_that_change_the_lock_and_it_fails_none(root, called):
    install_hook(root)
    commit(root, "the ignored files")
    assert not called.exists()
    (root / "dvc.lock").write_text(lock())
    commit(root, "trained")
    assert called.read_text() == f"{root} sync --commits\n"
    succeed(root, "git", "checkout", "--quiet", "--detach")
    (root / "dvc.lock").write_text(lock("2" * 32))
    commit(root, "an experiment")
    assert called.read_text() == f"{root} sync --commits\n"


def test_the_hook_serves_worktrees_and_projects_below_the_root_of_git(root, called):
    project = root / "a project"
    project.mkdir()
    (project / "dvc.lock").write_text(lock())
    install_hook(project)
    commit(root, "trained")
    assert called.read_text() == f"{project} sync --commits\n"
    worktree = root.with_name(f"{root.name} tree")
    succeed(root, "git", "worktree", "add", "--quiet", "-b", "other", str(worktree))
    assert install_hook(worktree / "a project").endswith(f"as it was: {root / '.git' / 'hooks' / 'post-commit'}")
    (worktree / "a project" / "dvc.lock").write_text(lock("2" * 32))
    commit(worktree, "trained again")
    assert called.read_text().splitlines()[1:] == [f"{worktree / 'a project'} sync --commits"]


def test_the_hook_stands_where_git_looks_and_leaves_another_one_alone(root):
    succeed(root, "git", "config", "core.hooksPath", "hooks")
    assert install_hook(root) == f"the post-commit hook is installed: {root / 'hooks' / 'post-commit'}"
    (root / "hooks" / "post-commit").write_text("#!/bin/sh\nexec mine\n")
    with pytest.raises(
        WorkspaceError, match=r"/hooks/post-commit is another hook: add the line `emopipe sync --commit"
    ):
        install_hook(root)
    assert (root / "hooks" / "post-commit").read_text() == "#!/bin/sh\nexec mine\n"


def test_without_a_repository_there_is_no_hook(tmp_path):
    with pytest.raises(WorkspaceError, match=r"^[^\n]+ is in no git repository: run `git init` first$"):
        install_hook(tmp_path)


def test_the_command_of_the_hook_makes_no_store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tag_commits(tmp_path) == ["there is no store"]
    assert list(tmp_path.iterdir()) == []


# The command that lists runs


@pytest.mark.slow
def test_the_runs_of_a_state_are_listed_with_versions_and_commits(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    client, experiment = connect(root)
    (run,) = client.search_runs([experiment], "tags.`emopipe.model` = 'cnn'")
    for name, value in {"val/accuracy": 0.7, "val/macro_f1": 0.61234, "test/accuracy": 0.5}.items():
        client.log_metric(run.info.run_id, name, value)
    (root / "dvc.lock").write_text(lock())
    before = head(root)
    client.set_tag(run.info.run_id, "mlflow.source.git.commit", before)
    _, out, _ = emopipe(monkeypatch, capsys, "runs")
    (row,) = [line for line in out.splitlines() if run.info.run_id in line]
    assert row.split() == f"cnn {run.info.run_id} 0.700 0.500 0.612 1 challenger champion after {before[:7]}".split()
    assert max(map(len, out.splitlines())) <= 120
    commit(root, "trained")
    sync(root)
    _, out, _ = emopipe(monkeypatch, capsys, "runs", "HEAD", "--json")
    (listed,) = json.loads(out)
    assert (listed["commit"], listed["source_commit"]) == (head(root), before)
    assert listed["versions"] == {"1": ["challenger", "champion"]}


@pytest.mark.slow
def test_a_lacking_run_is_named_with_the_remedy(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert emopipe(monkeypatch, capsys, "runs", "HEAD")[2] == (
        "emopipe: HEAD has no trained model: run `dvc repro` there"
    )
    (root / "dvc.lock").write_text(lock("2" * 32))
    commit(root, "trained elsewhere")
    status, out, _ = emopipe(monkeypatch, capsys, "runs", "HEAD")
    assert (status, out.splitlines()[-1]) == (0, "MLflow has no run of cnn: `emopipe sync HEAD`")
