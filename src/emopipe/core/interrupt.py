"""Ctrl-C during the imports of a program, which take seconds and leave nothing to clean up."""

import os
import signal
from typing import Any


def stop_at_once(name: str) -> Any:
    """From now on SIGINT ends the process with `NAME: stopped`, unless it is ignored or handled; the former handler.

    An exception would show a traceback from the middle of an import, and some imports swallow it.
    """
    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: _end(name))
    return former


def _end(name: str) -> None:
    os.write(2, f"{name}: stopped\n".encode())
    os._exit(128 + signal.SIGINT)
