"""What all stage scripts share: their paths as options, params.yaml, one-line errors, and not outliving DVC."""

import argparse
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from emopipe.errors import EmopipeError
from emopipe.params import load_params

SHELLS = ("bash", "dash", "ksh", "sh", "zsh")


def run_stage(main: Callable[..., None]) -> None:
    """Call `main(params, **options)`, where each keyword-only argument of `main` is an option of the command line.

    Arguments annotated `Path` are paths, others are text. An `EmopipeError` ends the process with status 1 and one
    line on standard error, any other exception with its traceback.
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(main))
    for name, argument in inspect.signature(main).parameters.items():
        if argument.kind is argument.KEYWORD_ONLY:
            parser.add_argument(f"--{name}", required=True, type=Path if argument.annotation is Path else str)
    options = vars(parser.parse_args())
    stage = Path(sys.argv[0]).stem
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{stage}: stopped"))  # so that contexts are left in order
    threading.Thread(target=_end_with_starter, args=(_starter(),), daemon=True).start()
    try:
        main(load_params(Path("params.yaml")), **options)
    except EmopipeError as error:
        sys.exit(f"{stage}: {error}")


def _end_with_starter(starter: tuple[int, ...]) -> None:
    """Stop when the process that started this one is gone: a killed `dvc repro` must not leave a writer behind."""
    while _starter() == starter:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _starter() -> tuple[int, ...]:
    """The parent, and where that is a shell its parent too: DVC starts a shell, and some shells stay in between."""
    try:
        parent = psutil.Process(os.getppid())
        return (parent.pid, parent.ppid()) if parent.name() in SHELLS else (parent.pid,)
    except psutil.Error:  # gone while it was looked at
        return ()
