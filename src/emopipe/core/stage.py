"""What all stage scripts share: options, parameters, one-line errors, an observer, and not outliving DVC.

A stage script defines `main` and calls `run_stage(main)`:

    def main(base: BaseParams, train: TrainParams, run: StageRun, *, model: str, clean: Path, out: Out) -> None

Positional arguments are sections of params.yaml, by their class (`models` by its name), and the run itself.
Keyword-only arguments are options of the command line, annotated `Path` (read), `Out` (written) or `str`.
"""

import argparse
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Protocol

import psutil

from emopipe.core.errors import EmopipeError
from emopipe.core.params import Params, load_params
from emopipe.core.state import StageState, project_root, stage_state

OBSERVER = "EMOPIPE_OBSERVER"
"""Environment variable that names the module of the observer; empty for none."""
DEFAULT_OBSERVER = "emopipe.tracking.observer"
SHELLS = ("bash", "dash", "ksh", "sh", "zsh")
POLL_SECONDS = 1

Out = Annotated[Path, "written by the stage"]


class Observer(Protocol):
    """Follows a stage. Every method returns None, so that nothing flows back into the outs of the stage."""

    def start(self, state: StageState) -> None:
        """The stage begins; `state` has its name, parameters, inputs, and the key made of them."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Metrics by name, while the stage runs."""

    def finish(self, outs: Mapping[str, Path]) -> None:
        """The stage has succeeded, and `outs` are written: path as in dvc.yaml to where it is."""

    def fail(self, error: BaseException) -> None:
        """The stage ends early: by an error, or because it is stopped."""


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One run of a stage."""

    root: Path
    """Root of the project; for a DVC experiment, of the project that it belongs to."""
    state: StageState
    observer: Observer


def run_stage(main: Callable[..., None], *, observed: bool = False) -> None:
    """Run a stage as a script: `execute` in a process that ends with one line, and together with DVC.

    An `EmopipeError` ends the process with status 1 and one line on standard error, any other exception with its
    traceback.
    """
    stem = Path(sys.argv[0]).stem
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{stem}: stopped"))  # so that contexts are left in order
    threading.Thread(target=_end_with_starter, args=(_starter(),), daemon=True).start()
    try:
        execute(main, sys.argv[1:], stem=stem, observed=observed)
    except EmopipeError as error:
        sys.exit(f"{stem}: {error}")


def execute(main: Callable[..., None], arguments: Sequence[str], *, stem: str, observed: bool = False) -> None:
    """Call `main` in the working folder, which is the root of the project.

    stem: name of the stage in dvc.yaml; with an option `--model` the stage is `stem@MODEL`. observed: whether an
    observer follows the stage.
    """
    positional, keywords = _arguments(main)
    options = _parse(inspect.getdoc(main), keywords, arguments)
    params = load_params(Path("params.yaml"))
    if not observed:
        main(*(_section(params, argument) for argument in positional), **options)
        return
    name = f"{stem}@{options['model']}" if "model" in options else stem
    observer = GuardedObserver(find_observer())
    run = StageRun(root=project_root(), state=stage_state(name, Path.cwd()), observer=observer)
    values = [run if each.annotation is StageRun else _section(params, each) for each in positional]
    observer.start(run.state)
    try:
        main(*values, **options)
    except BaseException as error:
        observer.fail(error)
        raise
    observer.finish({str(options[each.name]): options[each.name] for each in keywords if each.annotation == Out})


def find_observer() -> Observer | None:
    """The observer that the environment names, else that of the tracking package; None where there is none."""
    name = os.environ.get(OBSERVER, DEFAULT_OBSERVER)
    try:
        return import_module(name).make_observer() if name else None
    except ImportError as error:
        print(f"warning: {name} is not available, so nothing is tracked ({error})", file=sys.stderr)
        return None


class GuardedObserver:
    """Passes calls on to an observer until the first one that raises: an observer never costs a stage."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def start(self, state: StageState) -> None:
        self._call(lambda observer: observer.start(state))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        self._call(lambda observer: observer.log_metrics(metrics, step=step))

    def finish(self, outs: Mapping[str, Path]) -> None:
        self._call(lambda observer: observer.finish(outs))

    def fail(self, error: BaseException) -> None:
        self._call(lambda observer: observer.fail(error))

    def _call(self, call: Callable[[Observer], None]) -> None:
        if self._observer is None:
            return
        try:
            call(self._observer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the stage goes on
            self._observer = None
            text = " ".join(str(error).split()) or type(error).__name__
            print(f"warning: tracking stops, the stage goes on ({text[:200]})", file=sys.stderr)


def _arguments(main: Callable[..., None]) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    """Positional and keyword-only arguments."""
    arguments = inspect.signature(main).parameters.values()
    keywords = [argument for argument in arguments if argument.kind is argument.KEYWORD_ONLY]
    return [argument for argument in arguments if argument not in keywords], keywords


def _parse(about: str | None, keywords: Sequence[inspect.Parameter], arguments: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=about)
    for argument in keywords:
        kind = str if argument.annotation is str else Path
        parser.add_argument(f"--{argument.name.replace('_', '-')}", required=True, type=kind)
    return vars(parser.parse_args(arguments))


def _section(params: Params, argument: inspect.Parameter) -> Any:
    if argument.annotation is Params:
        return params
    sections = {field.name: getattr(params, field.name) for field in fields(params)}
    by_class = {type(section): section for section in sections.values()}
    return by_class[argument.annotation] if argument.annotation in by_class else sections[argument.name]


def _end_with_starter(starter: tuple[int, ...]) -> None:
    """Stop when the process that started this one is gone: a killed `dvc repro` must not leave a writer behind."""
    while _starter() == starter:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _starter() -> tuple[int, ...]:
    """The parent, and where that is a shell its parent too: DVC starts a shell, and some shells stay in between."""
    try:
        parent = psutil.Process(os.getppid())
        return (parent.pid, parent.ppid()) if parent.name() in SHELLS else (parent.pid,)
    except psutil.Error:  # gone while it was looked at
        return ()
