"""Ctrl-C while a stage or `emopipe` imports its libraries."""

import ast
import signal
import subprocess
import sys

import pytest

from emopipe.core.interrupt import stop_at_once, stopping_in_one_line
from projects import ROOT, environment

STAGES = sorted(set((ROOT / "stages").glob("*.py")) - {ROOT / "stages" / "environment.py"})
SLOW_IMPORT = "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"


@pytest.fixture(autouse=True)
def _default_handler():
    """Python's own handler, also where the tests run in the background of a shell, which ignores SIGINT for them."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def interrupted(folder, module, *command):
    """Status and output of a Python program that gets SIGINT during its import of `module`."""
    (folder / f"{module}.py").write_text(SLOW_IMPORT)
    variables = environment(ROOT, PYTHONPATH=f"{folder}:{ROOT / 'src'}")
    started = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stdout.readline() == "importing\n"
        started.send_signal(signal.SIGINT)
        return started.communicate(timeout=30)[1], started.returncode
    finally:
        started.kill()


@pytest.mark.slow
@pytest.mark.parametrize("script", STAGES, ids=lambda path: path.stem)
def test_a_stage_that_is_stopped_during_its_imports_says_so(tmp_path, script):
    assert interrupted(tmp_path, "pydantic", str(script)) == (f"{script.stem}: stopped\n", 130)


@pytest.mark.slow
def test_emopipe_says_so_too(tmp_path):
    assert interrupted(tmp_path, "typer", "-m", "emopipe") == ("emopipe: stopped\n", 130)


@pytest.mark.parametrize("script", STAGES, ids=lambda path: path.stem)
def test_a_stage_imports_nothing_before(script):
    documentation, guard, *_ = ast.parse(script.read_text(encoding="utf-8")).body
    assert isinstance(documentation, ast.Expr)
    assert ast.unparse(guard) == (
        f"if __name__ == '__main__':\n    from environment import begin_stage\n    begin_stage('{script.stem}')"
    )


@pytest.mark.slow
def test_a_python_without_emopipe_says_how_to_get_it():
    command = [sys.executable, "-S", str(ROOT / "stages" / "train.py")]  # -S: without installed packages
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"train: {sys.executable} has no emopipe: activate the project's environment (source .venv/bin/activate), or "
        "use `emopipe run`\n",
    )


def test_the_command_of_the_package_is_the_one_that_stops_during_imports():
    assert 'emopipe = "emopipe.__main__:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_an_import_that_ctrl_c_breaks_is_one_line_and_another_error_is_none(capsys):
    with pytest.raises(SystemExit) as ended, stopping_in_one_line("emopipe"):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None
    assert (ended.value.code, capsys.readouterr().err) == (130, "emopipe: stopped\n")
    with pytest.raises(ImportError, match=r"^no such module$"), stopping_in_one_line("emopipe"):
        raise ImportError("no such module")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_ctrl_c_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert stop_at_once("train") is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
