"""DVC's output in short."""

import sys

import pytest

from emopipe.cli.dvc_output import MAX_LINES, StageLines, duration, run_dvc

REPRO = """\
'data.dvc' didn't change, skipping
Stage 'ingest' didn't change, skipping
Stage 'validate' is cached - skipping run, checking out outputs
Running stage 'balance':
> python stages/balance.py --clean build/clean.parquet
warning: short of the target: disgust by 3
300 faces, 20 repeated, 0 synthetic
Updating lock file 'dvc.lock'

Running stage 'train@cnn':
> python stages/train.py --model "cnn"
cnn  epoch 1/2  loss 1.4
cnn  epoch 2/2  loss 1.2
"""
END = """\
Updating lock file 'dvc.lock'

To track the changes with git, run:

\tgit add dvc.lock reports/ingest.json

To enable auto staging, run:

\tdvc config core.autostage true
Use `dvc push` to send your updates to remote storage.
"""
FAILED = "\x1b[31mERROR\x1b[39m: failed to reproduce 'train@cnn': "


def read(text, reader=None, seconds=3):
    """All lines that are shown; each line of `text` comes `seconds` after the last one."""
    reader = reader or StageLines()
    lines = text.splitlines()
    shown = [line for number, line in enumerate(lines) for line in reader.read(line, number * seconds)]
    return [*shown, *reader.end(len(lines) * seconds)], reader


def test_a_stage_is_a_line_with_its_time_and_its_last_line():
    shown, reader = read(REPRO + END)
    assert [line.split() for line in shown] == [
        ["ingest", "unchanged"],
        ["validate", "from", "DVC's", "cache"],
        ["warning:", "short", "of", "the", "target:", "disgust", "by", "3"],
        ["balance", "0:12", "300", "faces,", "20", "repeated,", "0", "synthetic"],
        ["train@cnn", "0:12", "cnn", "epoch", "2/2", "loss", "1.2"],
    ]
    assert (reader.stage, reader.reason) == ("", [])


def test_the_reason_is_what_the_failed_stage_wrote_last():
    exited = f'{FAILED}failed to run: python stages/train.py --model "cnn", exited with 1\n'
    lines = "".join(f"line {number}\n" for number in range(100)) + "train: the labels of train are all of one class\n"
    shown, reader = read(REPRO + lines + exited)
    assert shown[-1].split() == ["train@cnn", "5:15", "failed"]
    assert reader.reason[-1] == "train: the labels of train are all of one class"
    assert len(reader.reason) == MAX_LINES


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("", "failed to run: python stages/train.py, exited with -9"),
        ("epoch 2/2\n", "failed to run: python stages/train.py, exited with -9"),
        ("", "failed to run: python stages/train.py, exited with 1"),
        ("loaded\n", "output 'build/models' does not exist"),
    ],
    ids=["killed", "killed later", "silent", "of DVC's own"],
)
def test_a_failure_that_no_stage_explains_is_given_in_dvcs_words(before, reason):
    reader = read(f"Running stage 'train@cnn':\n> python stages/train.py\n{before}{FAILED}{reason}\n")[1]
    assert reader.reason[-1] == reason


def test_an_unknown_line_of_dvc_is_shown_and_its_errors_come_last():
    shown, reader = read("Running the tests of an experiment\nERROR: unexpected error - disk quota exceeded\n")
    assert shown == ["Running the tests of an experiment"]
    assert reader.reason == ["ERROR: unexpected error - disk quota exceeded"]


def test_a_line_of_a_stage_that_begins_with_error_is_its_own(capfd):
    output = "Running stage 'train@cnn':\nERROR: could not open cache, using slow path\nUpdating lock file 'dvc.lock'"
    assert run_dvc([sys.executable, "-c", f"print({output!r})"], {}) == 0
    assert capfd.readouterr().err == ""


def test_verbose_output_is_whole(capfd):
    assert run_dvc([sys.executable, "-c", f"print({REPRO!r}, end='')"], {}, verbose=True) == 0
    assert capfd.readouterr().out.startswith(REPRO)


def test_a_run_in_which_dvc_could_not_fill_its_cache_has_failed(capfd):
    output = "Running stage 'train@cnn':\nERROR: failed to transfer 'md5: 1234'\nUpdating lock file 'dvc.lock'"
    assert run_dvc([sys.executable, "-c", f"print({output!r})"], {}) == 1
    assert capfd.readouterr().err == "ERROR: failed to transfer 'md5: 1234'\n"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_reason_goes_to_standard_error_and_the_status_is_dvcs(capfd):
    output = f"{REPRO}train: [red]no[/red] faces\n{FAILED}failed to run: python stages/train.py, exited with 1"
    assert run_dvc([sys.executable, "-c", f"print({output!r}); raise SystemExit(255)"], {}) == 255
    out, err = capfd.readouterr()
    assert err.splitlines()[-1] == "train: [red]no[/red] faces"
    assert [line.split()[0] for line in out.splitlines()][-2:] == ["train@cnn", "in"]
