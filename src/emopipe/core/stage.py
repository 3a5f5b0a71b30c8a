"""The skeleton of all stage scripts: options, parameters, one-line errors, an observer, and the end together with DVC.

A stage script defines `main` and calls `run_stage(main)`:

    def main(base: BaseParams, train: TrainParams, run: StageRun, *, model: str, clean: Path, out: Out) -> None

Positional arguments are sections of params.yaml, found by their class (`models` and `ensembles` by name), and the run.
Keyword-only arguments are command line options, annotated `Path` (an input), `Out` (an output) or `str`.
"""

import argparse
import inspect
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Protocol

from emopipe.core.disk import disk_fault
from emopipe.core.errors import EmopipeError
from emopipe.core.gate import keep_evidence
from emopipe.core.libraries import differing_libraries
from emopipe.core.params import Params, load_params
from emopipe.core.state import StageState, project_root, stage_state

OBSERVER = "EMOPIPE_OBSERVER"
"""Environment variable with the module of the observer; empty for none."""
DEFAULT_OBSERVER = "emopipe.tracking.observer"

Out = Annotated[Path, "output"]


class Observer(Protocol):
    """Receives the events of a stage. Every method returns None, so nothing flows back into the outs of the stage."""

    def start(self, state: StageState) -> None:
        """The stage starts; `state` holds its name, parameters, inputs and key."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Metrics by name, during the stage."""

    def finish(self, outs: Mapping[str, Path]) -> None:
        """The stage has succeeded; `outs` maps paths as in dvc.yaml to the files written."""

    def fail(self, error: BaseException) -> None:
        """The stage ends early, by an error or a signal."""


class GuardedObserver:
    """Forwards to an observer until it raises: tracking never stops a stage."""

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer

    def start(self, state: StageState) -> None:
        self._call("start", state)

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        self._call("log_metrics", metrics, step=step)

    def finish(self, outs: Mapping[str, Path]) -> None:
        self._call("finish", outs)

    def fail(self, error: BaseException) -> None:
        self._call("fail", error)

    def _call(self, method: str, *args: Any, **options: Any) -> None:
        if self._observer is None:
            return
        try:
            getattr(self._observer, method)(*args, **options)
        except Exception as error:  # noqa: BLE001 - no error of an observer may stop the stage
            self._observer = None
            message = " ".join(str(error).split()) or type(error).__name__
            print(f"warning: tracking stops, the stage goes on ({message[:200]})", file=sys.stderr)


def find_observer() -> Observer | None:
    """The observer named by the environment, by default that of the tracking package; None if there is none."""
    name = os.environ.get(OBSERVER, DEFAULT_OBSERVER)
    try:
        return import_module(name).make_observer() if name else None
    except ImportError as error:
        print(f"warning: {name} is not available, so nothing is tracked ({error})", file=sys.stderr)
        return None


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One run of a stage."""

    root: Path
    """Root of the project; in a DVC experiment, of the project that the experiment belongs to."""
    state: StageState
    observer: Observer


def run_stage(main: Callable[..., None], *, observed: bool = False) -> None:
    """Run a stage script: `execute`, in a process that `begin_stage` has prepared.

    An `EmopipeError` or a fault of a disk ends the process with status 1 and one line on standard error; any other
    exception shows its traceback. A Python warning is one line too.
    """
    stem = Path(sys.argv[0]).stem
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_stop, stem))
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    if differing := differing_libraries(Path.cwd(), stem):
        print(f"warning: outs may differ from those of pinned libraries: {', '.join(differing)}", file=sys.stderr)
    try:
        execute(main, sys.argv[1:], stem=stem, observed=observed)
    except EmopipeError as error:
        sys.exit(f"{stem}: {error}")
    except Exception as error:
        if fault := disk_fault(error):
            sys.exit(f"{stem}: {fault}")
        raise


def execute(main: Callable[..., None], arguments: Sequence[str], *, stem: str, observed: bool = False) -> None:
    """Call `main` with command line `arguments`; the working folder is the root of the project.

    stem: the stage in dvc.yaml, or with an option `--model` the part before `@MODEL`. observed: whether events go to
    an observer.
    """
    signature = inspect.signature(main).parameters.values()
    sections = [argument for argument in signature if argument.kind is not argument.KEYWORD_ONLY]
    keywords = [argument for argument in signature if argument.kind is argument.KEYWORD_ONLY]
    options = _parse(inspect.getdoc(main), keywords, arguments)
    params = load_params(Path("params.yaml"), trainable=True)
    if not observed:
        with keep_evidence(stem):
            main(*(_section(params, argument) for argument in sections), **options)
        return
    name = f"{stem}@{options['model']}" if "model" in options else stem
    observer = GuardedObserver(find_observer())
    run = StageRun(root=project_root(), state=stage_state(name, Path.cwd()), observer=observer)
    observer.start(run.state)
    try:
        main(*(run if each.annotation is StageRun else _section(params, each) for each in sections), **options)
    except BaseException as error:
        observer.fail(error)
        raise
    observer.finish({str(options[each.name]): options[each.name] for each in keywords if each.annotation == Out})


def _parse(description: str | None, keywords: Sequence[inspect.Parameter], arguments: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=description)
    for argument in keywords:
        kind = str if argument.annotation is str else Path
        parser.add_argument(f"--{argument.name.replace('_', '-')}", required=True, type=kind)
    return vars(parser.parse_args(arguments))


def _section(params: Params, argument: inspect.Parameter) -> Any:
    if argument.annotation is Params:
        return params
    by_class = {type(section): section for section in vars(params).values()}
    return by_class[argument.annotation] if argument.annotation in by_class else getattr(params, argument.name)


def _stop(stem: str, *_: object) -> None:
    """End by an exception, so that contexts clean up; the next Ctrl-C ends the process at once."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(f"{stem}: stopped")
