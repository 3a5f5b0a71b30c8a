"""`emopipe explain` names what makes a stage run again; on a pipeline of two copies."""

import subprocess
import sys

import pytest

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.explain import why

STAGES = """
stages:
  first:
    cmd: cp given.txt first.txt
    params: [limits, depth]
    deps: [given.txt, src/code.py]
    outs: [first.txt]
  second:
    cmd: cp first.txt second.txt
    deps: [first.txt]
    outs: [second.txt]
"""


@pytest.fixture
def root(tmp_path):
    """A pipeline that has run."""
    (tmp_path / "dvc.yaml").write_text(STAGES)
    (tmp_path / "params.yaml").write_text("limits: {low: 1, high: {a: 2, b: 3}}\ndepth: 4\n")
    (tmp_path / "given.txt").write_text("given")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("")
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    dvc(tmp_path, "repro", "--quiet")
    return tmp_path


def dvc(folder, *arguments):
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True, capture_output=True)


def test_a_pipeline_that_has_run_has_no_reason_to(root):
    assert why(root) == ["nothing runs again: all stages are up to date"]
    assert why(root, "second") == ["second is up to date"]


def test_parameters_are_named_with_what_they_were_and_are(root):
    (root / "params.yaml").write_text("limits: {low: 1, high: {a: 2, b: 9}, least: 0}\ndepth: 5\n")
    assert why(root) == [
        "first runs again: limits.high.b was 3, is 9; limits.least was None, is 0; depth was 4, is 5",
        "second runs again if its inputs change: first may run before it",
    ]


def test_code_data_outs_and_the_command_are_told_apart(root):
    (root / "src" / "code.py").write_text("x = 1")
    (root / "given.txt").write_text("other")
    (root / "second.txt").unlink()
    (root / "dvc.yaml").write_text(STAGES.replace("cp first.txt", "cp -f first.txt"))
    assert why(root, "first") == ["first runs again: data given.txt is modified; code src/code.py is modified"]
    assert why(root, "second") == [
        "second runs again: its out second.txt is deleted; its command was changed",
    ]


def test_a_stage_that_is_not_there_is_refused(root):
    with pytest.raises(WorkspaceError, match=r"^there is no stage third: expected one of first, second$"):
        why(root, "third")
