"""Ctrl-C in one line: during the imports of a program, and in a command; and the end of a stage together with DVC."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STATUS = 128 + signal.SIGINT


def stop_at_once(name: str) -> Any:
    """From now on SIGINT ends the process with `NAME: stopped`, unless it is ignored or handled; the former handler.

    For imports, which take seconds and leave nothing to clean up: an exception would show a traceback from the middle
    of one, and some imports swallow it.
    """
    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: _end(name))
    return former


def begin_stage(name: str) -> None:
    """For the first lines of a stage script: end in one line at Ctrl-C, and with the process that started it."""
    stop_at_once(name)
    from emopipe.core.parent import end_with_parent

    end_with_parent()


@contextmanager
def stopping_in_one_line(name: str) -> Iterator[None]:
    """SIGINT in the block raises `KeyboardInterrupt`, so that contexts clean up, and ends it with `NAME: stopped`.

    Extension modules that are being imported turn a `KeyboardInterrupt` into an `ImportError`, which counts as one.
    """
    received = []

    def interrupt(*_: object) -> None:
        received.append(True)
        raise KeyboardInterrupt

    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except (KeyboardInterrupt, ImportError) as error:
        if isinstance(error, ImportError) and not received:
            raise
        print(f"{name}: stopped", file=sys.stderr)
        sys.exit(STATUS)
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, former)


def _end(name: str) -> None:
    os.write(2, f"{name}: stopped\n".encode())
    os._exit(STATUS)
