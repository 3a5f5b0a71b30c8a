"""`emopipe explain` names the reasons to run a stage again; on a pipeline of two copies."""

import subprocess
import sys

import pytest

from emopipe.core.errors import WorkspaceError
from emopipe.tracking.explain import explain

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


@pytest.mark.slow
def test_a_pipeline_that_has_run_is_up_to_date(root):
    assert explain(root) == ["nothing runs again: all stages are up to date"]
    assert explain(root, "second") == ["second is up to date"]


@pytest.mark.slow
def test_parameters_are_named_with_old_and_new_values(root):
    (root / "params.yaml").write_text("limits: {low: 1, high: {a: 2, b: 9}, least: 0}\ndepth: 5\n")
    assert explain(root) == [
        "first runs again: limits.high.b was 3, is 9; limits.least was None, is 0; depth was 4, is 5",
        "second runs again if its inputs change: first may run before it",
    ]


@pytest.mark.slow
def test_code_data_outs_and_the_command_are_distinguished(root):
    (root / "src" / "code.py").write_text("x = 1")
    (root / "given.txt").write_text("other")
    (root / "second.txt").unlink()
    (root / "dvc.yaml").write_text(STAGES.replace("cp first.txt", "cp -f first.txt"))
    assert explain(root, "first") == ["first runs again: data given.txt is modified; code src/code.py is modified"]
    assert explain(root, "second") == [
        "second runs again: its out second.txt is deleted; its command was changed",
    ]


@pytest.mark.slow
def test_an_unknown_stage_is_refused(root):
    with pytest.raises(WorkspaceError, match=r"^there is no stage third: expected one of first, second$"):
        explain(root, "third")
