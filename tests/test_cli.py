"""The command line: help, former names, the commands of the documentation, and errors."""

import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version

import psutil
import pytest
import typer
import yaml
from typer.testing import CliRunner

from emopipe.cli.app import STAGES, Grouped, app
from emopipe.cli.examples import EXAMPLES
from projects import ROOT, change_params, environment, run

SOURCE = str(ROOT / "src")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:make|dvc|emopipe) [^`]+)`")
PROMPT = "$ "
emopipe = typer.main.get_command(app)


def leaves(command, *words: str) -> Iterator[tuple[str, ...]]:
    """The commands in the help: ("data", "import"), ("summary",)."""
    if not hasattr(command, "commands"):
        yield words
    else:
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from leaves(inner, *words, name)


def shown(text: str) -> list[list[str]]:
    """The commands of a text, as words: in its fenced blocks, before a comment, and in its lines.

    In a block with a prompt only what follows one is a command, and the rest is output.
    """
    commands = INLINE.findall(FENCED.sub("", text))
    for block in FENCED.findall(text):
        lines = [line.strip() for line in block.splitlines()]
        prompted = [line.removeprefix(PROMPT) for line in lines if line.startswith(PROMPT)]
        commands += prompted or [line for line in lines if line.startswith(("make ", "dvc ", "emopipe "))]
    parts = [shlex.split(part, comments=True) for command in commands for part in command.split("&&")]
    return [words for words in parts if words]


def is_leaf(words: list[str]) -> bool:
    """Whether `emopipe` accepts these words; raises click's error if it does not."""
    command, rest = emopipe, words
    while hasattr(command, "commands"):
        if rest[:1] == ["--help"] or (command is emopipe and rest == ["--install-completion"]):
            return True
        command, rest = command.commands[rest[0]], rest[1:]
    if rest != ["--help"]:
        command.make_context(words[0], rest)
    return True


def help_of(*words: str) -> str:
    return run(ROOT, "emopipe", *words, "--help").stdout


def test_the_help_names_all_commands():
    names = set(leaves(emopipe))
    assert names >= {("data", "import"), ("data", "sample"), ("summary",), ("ui",)}
    pages = {(): help_of(), **{(group,): help_of(group) for group in ("data", "model")}}
    for *group, name in names:
        text = pages[tuple(group)]
        assert re.search(rf"^  {name}  +\w", text, re.MULTILINE), f"{name} is not explained in\n{text}"


def test_the_help_lists_the_commands_in_the_order_of_use_and_whole():
    text = help_of()
    titles = re.findall(r"^(\w+):\n", text, re.MULTILINE)
    assert titles == ["Options", "Data", "Pipeline", "Models", "MLflow", "Inference"]
    assert re.findall(r"\.\.\.$", text.split("Options:")[1], re.MULTILINE) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data use", "data import", ["no.csv"]),
        ("teach", "distill", ["--model", "none", "out.parquet"]),
        ("why", "explain", ["none"]),
        ("experiments", "sweep", ["none.yaml"]),
    ],
)
def test_the_former_name_of_a_command_works_and_names_the_new_one(old, new, words):
    before, after = (run(ROOT, "emopipe", *name.split(), *words) for name in (old, new))
    assert (before.returncode, before.stdout) == (after.returncode, after.stdout) == (1, "")
    assert before.stderr == f"`emopipe {old}` is called `emopipe {new}` now\n{after.stderr}"


def test_the_help_of_each_command_begins_with_an_example_that_can_be_typed():
    assert set(EXAMPLES) == {" ".join(words) for words in leaves(emopipe)}
    for words, example in EXAMPLES.items():
        assert example.startswith(f"emopipe {words}")
        assert is_leaf(shlex.split(example)[1:])
        text = CliRunner().invoke(app, [*words.split(), "--help"], prog_name="emopipe").output
        assert text.startswith(f"Usage: emopipe {words} ")
        assert text.split("\n\n")[0].endswith(f"\nExample: {example}")


@pytest.mark.slow
def test_the_help_explains_the_pipeline():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    text = help_of()
    assert [stage for stage in stages if stage not in text] == []
    for command in (["emopipe"], [sys.executable, "-m", "emopipe"]):
        done = run(ROOT, *command)
        assert (done.stderr + done.stdout).split("\n", 1)[1] == text.split("\n", 1)[1]


def test_commands_are_found_in_a_text():
    text = """
```console
$ make repro  # all
$ cd a && dvc repro
its output
```
make no mistake, and say `make test`, not `test`
```
emopipe ui --port 1
```
"""
    expected = ["make test", "make repro", "cd a", "dvc repro", "emopipe ui --port 1"]
    assert [" ".join(words) for words in shown(text)] == expected
    with pytest.raises(KeyError):
        is_leaf(["dance"])
    with pytest.raises(Exception, match="No such option"):
        is_leaf(["ui", "--colour"])


def test_the_readme_shows_commands():
    if not FENCED.search(README):
        pytest.skip("README.md has no fenced block yet")
    assert ["make", "repro"] in shown(README)
    assert len(shown(README)) >= len(re.findall(r"^\$ ", README, re.MULTILINE)) > 0


@pytest.mark.parametrize("words", [words for words in shown(README + DOCS) if words[0] == "emopipe"], ids=" ".join)
def test_an_emopipe_command_of_the_documentation_exists(words):
    assert is_leaf(words[1:])


@pytest.mark.parametrize("words", [words for words in shown(README) if words[0] == "make"], ids=" ".join)
def test_a_make_target_of_the_readme_exists(words):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {word for word in words[1:] if "=" not in word} <= set(targets)


@pytest.mark.parametrize("words", [words for words in shown(README) if words[0] == "dvc"], ids=" ".join)
def test_a_dvc_command_of_the_readme_exists(words, monkeypatch):
    from dvc.cli import parse_args  # late: it takes most of a second

    monkeypatch.setattr("sys.argv", words)  # the parser looks there for --verbose
    options = parse_args(words[1:])
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    if options.cmd == "repro":
        assert {target.split("@")[0] for target in options.targets} <= set(stages)


@pytest.mark.slow
def test_a_failure_is_one_line_and_status_1(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    failures = {
        ("summary",): "reports/evaluate/cnn.json does not exist: run the stage that makes it, or `dvc repro`",
        ("data", "import", "no.csv"): "no.csv does not exist: name a CSV file or a folder of pictures",
        (
            "data",
            "sample",
            "a.csv.xz",
            "--num-faces",
            "9",
        ): "expected at least 200 faces for planted defects, got 9",
    }
    for words, line in failures.items():
        done = run(tmp_path, "emopipe", *words, PYTHONPATH=SOURCE)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"emopipe: {line}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.slow
def test_a_typo_in_params_yaml_is_one_line(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(tmp_path, train__epoch=3)
    done = run(tmp_path, "emopipe", "summary", PYTHONPATH=SOURCE)
    expected = "emopipe: params.yaml: train.epoch is not known (did you mean epochs?)\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_ctrl_c_in_a_command_is_one_line(capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    program = typer.Typer(cls=Grouped)
    program.command()(interrupted)
    program.command("other")(interrupted)
    with pytest.raises(SystemExit) as ended:
        program(["interrupted"])
    assert (ended.value.code, capsys.readouterr().err) == (130, "emopipe: stopped\n")


def test_an_unknown_command_or_option_is_no_traceback(tmp_path):
    for words in (["dance"], ["ui", "--colour", "red"]):
        done = run(tmp_path, "emopipe", *words, PYTHONPATH=SOURCE)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "No such" in done.stderr


@pytest.mark.parametrize(("stage", "named"), [("train", "train@MODEL"), ("validate", "validate")])
def test_the_name_of_a_stage_is_answered_with_the_command_that_runs_it(tmp_path, stage, named):
    done = run(tmp_path, "emopipe", stage, PYTHONPATH=SOURCE)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{stage} is a stage: `emopipe run {named}` or `dvc repro {named}` runs it" in done.stderr


def test_the_stages_of_dvc_yaml_have_a_hint_or_a_command():
    assert {*STAGES, "register"} == set(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def test_the_version_is_that_of_the_package(tmp_path):
    assert run(tmp_path, "emopipe", "--version", PYTHONPATH=SOURCE).stdout == f"emopipe {version('emopipe')}\n"


@pytest.mark.slow
def test_the_pages_of_mlflow_are_on_loopback_alone_and_go_with_the_command(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "browser").write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    (tmp_path / "browser").chmod(0o755)
    own = environment(tmp_path, BROWSER=f"{tmp_path}/browser %s")
    with (tmp_path / "log").open("w") as log:
        command = ["emopipe", "ui", "--port", str(port)]
        server = subprocess.Popen(command, cwd=tmp_path, env=own, stdout=log, stderr=log)
    try:
        page = page_at(f"http://127.0.0.1:{port}/", server)
        busy = run(tmp_path, "emopipe", "ui", "--port", str(port))
        models, charts, home = (tmp_path / "log").read_text().splitlines()[:3]
        until = time.monotonic() + 30
        while not (tmp_path / "opened").exists() and time.monotonic() < until:
            time.sleep(0.1)
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        listening = {
            (where.laddr.ip, where.laddr.port)
            for process in processes
            for where in process.net_connections("inet")
            if where.status == psutil.CONN_LISTEN
        }
    finally:
        server.terminate()
        server.wait(timeout=20)
    assert "<title>MLflow</title>" in page
    assert listening == {("127.0.0.1", port)}
    assert psutil.wait_procs(processes, timeout=10)[1] == [], "some are still alive"
    table = f"http://127.0.0.1:{port}/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=emopipe"
    assert models == f"The models, best on validation first: {table}"
    assert (charts, home) == (f"Their charts: {table}&compareRunsMode=CHART", f"MLflow: http://127.0.0.1:{port}")
    assert (tmp_path / "opened").read_text() == f"{table}\n"
    line = f"emopipe: cannot listen on 127.0.0.1:{port} (Address already in use): change --host or --port\n"
    assert (busy.returncode, busy.stdout, busy.stderr) == (1, "", line)


def page_at(address: str, server: subprocess.Popen) -> str:
    """The page, as soon as the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "no answer within a minute"
            time.sleep(0.3)
