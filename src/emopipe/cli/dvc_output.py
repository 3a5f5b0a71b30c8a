"""DVC's output in short: a line per stage with its time and result, and at the end why a stage failed."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from rich.console import Console
from rich.markup import escape

from emopipe.core.dvc_project import COLOURS

STARTED = re.compile(r"Running stage '(?P<stage>.+)':")
SKIPPED = re.compile(r"Stage '(?P<stage>.+)' (?P<how>didn't change|is cached).*")
FAILED = re.compile(r"ERROR: failed to reproduce '(?P<stage>.+?)'(?:: (?P<reason>.+))?")
ENDED = re.compile(r"(?:Updating|Generating) lock file '.+'")
NOISE = re.compile(
    r"\s*|> .+|'.+' didn't change, skipping|Data and pipelines are up to date\.|To track the changes with git, run:|"
    r"\s+git add .+|To enable auto staging, run:|\s+dvc config core\.autostage true|Use `dvc push` .+"
)
EXITED = re.compile(r"failed to run: .+, exited with 1")
"""What DVC says of a stage that has explained its failure itself; one that was killed has not."""
FAULT = re.compile(r"ERROR: (?:failed to |unexpected error).+")
"""An error of DVC between the end of a stage and the next one; the line of a stage itself may begin with ERROR."""
MAX_LINES = 40
"""As many of the last lines of a failed stage are shown."""
IDLE = "DVC compares the inputs"
PATIENCE_SECONDS = 15
"""After Ctrl-C, which a terminal sends to DVC and to the stage as well."""


class StageLines:
    """Reads DVC's output line by line and gives the lines to show."""

    def __init__(self) -> None:
        self.stage = ""
        """The stage that runs, or nothing."""
        self.last = ""
        """The last line of its output."""
        self.reason: list[str] = []
        """The last lines of the stage that failed, and errors of DVC."""
        self._lines: list[str] = []
        self._began = 0.0

    def read(self, line: str, seconds: float) -> list[str]:
        """The lines to show after `line`, which came `seconds` after the start."""
        line = COLOURS.sub("", line)
        if found := STARTED.fullmatch(line):
            shown = self.end(seconds)
            self.stage, self._began = found["stage"], seconds
        elif found := SKIPPED.fullmatch(line):
            how = "unchanged" if found["how"] == "didn't change" else "from DVC's cache"
            shown = [*self.end(seconds), stage_line(found["stage"], None, how)]
        elif found := FAILED.fullmatch(line):
            shown = self._fail(found["stage"], found["reason"] or "", seconds)
        elif FAULT.fullmatch(line) or (not self.stage and line.startswith("ERROR: ")):
            self.reason.append(line)
            shown = []
        elif ENDED.fullmatch(line):
            shown = self.end(seconds)
        elif NOISE.fullmatch(line):
            shown = []
        elif self.stage:
            shown = self._collect(line)
        else:
            shown = [line]
        return shown

    def end(self, seconds: float) -> list[str]:
        """The line of the stage that ran until now, if one did."""
        shown = [stage_line(self.stage, seconds - self._began, self.last)] if self.stage else []
        self.stage, self.last, self._lines = "", "", []
        return shown

    def _collect(self, line: str) -> list[str]:
        self._lines.append(line)
        if line.startswith("warning: "):
            return [line]
        self.last = line
        return []

    def _fail(self, stage: str, reason: str, seconds: float) -> list[str]:
        self.reason += self._lines[-MAX_LINES:]
        if reason and not (self._lines and EXITED.fullmatch(reason)):
            self.reason.append(reason)
        began = self._began if self.stage else seconds
        self.stage, self.last, self._lines = "", "", []
        return [stage_line(stage, seconds - began, "failed")]


def stage_line(stage: str, seconds: float | None, result: str) -> str:
    """`train@cnn   1:02  result`."""
    return f"{stage:<28} {'' if seconds is None else duration(seconds):>6}  {result}"


def duration(seconds: float) -> str:
    """`62.3` as `1:02`, with hours if there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def run_dvc(command: Sequence[str], env: Mapping[str, str], *, verbose: bool = False) -> int:
    """Run DVC with its output in short, or whole if `verbose`; its exit status, and 1 if it could not fill its cache.

    The reason of a failure is written last, to standard error. Ctrl-C raises `KeyboardInterrupt` once DVC has ended.
    """
    lines, console = StageLines(), Console(highlight=False, soft_wrap=True)
    start = time.monotonic()
    with subprocess.Popen(
        command,
        env={**env, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            _follow(process, lines, console, start, verbose=verbose)
        except KeyboardInterrupt:
            _wait(process)
            raise
    for shown in lines.end(time.monotonic() - start) if not verbose else ():
        console.print(shown, markup=False)
    console.print(stage_line("in all", time.monotonic() - start, ""))
    sys.stdout.flush()
    print(*lines.reason, sep="\n", file=sys.stderr, end="\n" if lines.reason else "")
    return process.returncode or int(bool(lines.reason))  # DVC ends with 0 where it could not fill its cache


def _follow(
    process: subprocess.Popen[str], lines: StageLines, console: Console, start: float, *, verbose: bool
) -> None:
    """Show the output until its end; a terminal has the last line of the running stage below."""
    assert process.stdout is not None
    with console.status(IDLE) if console.is_terminal else nullcontext() as status:
        for line in process.stdout:
            shown = lines.read(line.rstrip("\n"), time.monotonic() - start)
            for text in [line.rstrip("\n")] if verbose else shown:
                console.print(text, markup=False)
            if status is not None:
                text = f"{lines.stage}  {lines.last}" if lines.stage else IDLE
                status.update(escape(text[: console.width - 3]))


def _wait(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
