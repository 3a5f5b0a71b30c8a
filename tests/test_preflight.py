"""`emopipe preflight`, and a project without git: a downloaded archive of the repository."""

import shutil

import pytest

from emopipe.core.dvc_project import NO_GIT, RWLOCK, configure_git, dvc_faults, remove_torn_rwlock
from emopipe.core.errors import WorkspaceError
from projects import ROOT, make_project, run, succeed

NEW = "there is no git repository, so DVC works without one: runs have no commit, and there are no experiments"
INIT = "is in no git repository, {}: run `git init`, or `emopipe preflight` to go without\n"


@pytest.fixture
def archive(tmp_path):
    """The project as a downloaded archive has it."""
    root = make_project(tmp_path / "project")
    shutil.rmtree(root / ".git")
    return root


def test_dvc_goes_without_git_only_while_there_is_no_repository(tmp_path):
    (tmp_path / ".dvc").mkdir()
    local = tmp_path / ".dvc/config.local"
    assert [configure_git(tmp_path), configure_git(tmp_path)] == [NEW, ""]
    assert local.read_text() == NO_GIT
    (tmp_path / ".git").mkdir()
    assert [configure_git(tmp_path), configure_git(tmp_path)] == ["DVC uses the git repository again", ""]
    assert not local.exists()


def test_the_users_own_configuration_of_dvc_is_kept(tmp_path):
    (tmp_path / ".dvc").mkdir()
    local = tmp_path / ".dvc/config.local"
    local.write_text("[cache]\n    dir = /somewhere\n")
    assert configure_git(tmp_path) == NEW
    assert local.read_text() == "[cache]\n    dir = /somewhere\n[core]\n    no_scm = True\n"
    (tmp_path / ".git").mkdir()
    assert configure_git(tmp_path) == ""
    assert "no_scm" in local.read_text()


def test_outside_a_project_it_is_one_line(tmp_path):
    with pytest.raises(WorkspaceError, match=r"is no DVC project: run from the root of the project$"):
        configure_git(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", '{"read": {"/data": [{"pid": 1'])
def test_a_file_of_locks_that_ctrl_c_cut_off_is_removed(tmp_path, text):
    from dvc.rwlock import RWLockFileCorruptedError

    path = tmp_path / RWLOCK
    path.parent.mkdir(parents=True)
    assert remove_torn_rwlock(tmp_path) == ""
    path.write_text(text)
    with (
        pytest.raises(WorkspaceError, match=r"rwlock, so nothing is done: run `emopipe preflight`, which removes it$"),
        dvc_faults(tmp_path, "so nothing is done"),
    ):
        raise RWLockFileCorruptedError(str(path))
    assert remove_torn_rwlock(tmp_path) == ".dvc/tmp/rwlock, which DVC had not written to its end, is removed"
    assert not path.exists()
    path.write_text('{"read": {}, "write": {}}')
    assert remove_torn_rwlock(tmp_path) == ""
    assert path.exists()


@pytest.mark.slow
def test_dvc_goes_on_after_a_ctrl_c_cut_off_its_file_of_locks(tmp_path):
    root = make_project(tmp_path / "project")
    (tmp_path / "faces.csv").write_text("emotion,pixels,Usage\n3,1 2 3 4,Training\n")
    (root / RWLOCK).parent.mkdir(exist_ok=True)
    (root / RWLOCK).write_text("")
    words = ("emopipe", "data", "import", "../faces.csv")
    assert run(root, *words).stderr == (
        f"emopipe: DVC was stopped while it wrote {RWLOCK}, so data/ is unchanged: run `emopipe preflight`, which "
        "removes it\n"
    )
    assert succeed(root, "emopipe", "preflight").startswith(f"{RWLOCK}, ")
    assert "FER2013 CSV, 1 rows" in succeed(root, *words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "fault"), [("", "is empty: "), ("stages:\n  ingest: {cmd: [\n", "is not readable (")]
)
def test_a_damaged_lock_is_named_with_its_remedy(tmp_path, content, fault):
    root = make_project(tmp_path / "project")
    (root / "dvc.lock").write_text(content)
    done = run(root, "emopipe", "run")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"emopipe: dvc.lock {fault}")
    assert done.stderr.endswith(": take it from git, or run `rm dvc.lock; dvc repro`\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_make_repro_leaves_all_after_the_installation_to_emopipe_run(archive):
    shutil.copy(ROOT / "Makefile", archive)
    recipe = succeed(archive, "make", "--dry-run", "--assume-old=.venv/.ready", "repro").splitlines()
    assert [line for line in recipe if line.startswith(("emopipe", "dvc", "test"))] == [
        "emopipe run",
    ]


@pytest.mark.slow
def test_without_git_commands_end_in_one_line_and_work_after_preflight(archive, tmp_path):
    (tmp_path / "faces.csv").write_text("emotion,pixels,Usage\n3,1 2 3 4,Training\n")
    commands = {
        ("data", "import", "../faces.csv"): "so data/ is unchanged",
        ("explain",): "so the stages to run are unknown",
        ("check", "--base", "."): "so the stages to run are unknown",
    }
    for words, outcome in commands.items():
        done = run(archive, "emopipe", *words)
        assert (done.returncode, done.stderr) == (1, f"emopipe: {archive} {INIT.format(outcome)}")
    assert not (archive / "data").exists()
    assert succeed(archive, "emopipe", "preflight") == f"{NEW}\n"
    assert "FER2013 CSV, 1 rows" in succeed(archive, "emopipe", "data", "import", "../faces.csv")
    assert succeed(archive, "emopipe", "explain").startswith("ingest runs again: ")
    assert "ingest" in succeed(archive, "dvc", "status")
