"""A process that ends with the one that started it: a killed `dvc repro` leaves no writer behind."""

import os
import signal
import threading
import time

import psutil

SHELLS = ("bash", "dash", "ksh", "sh", "zsh")
POLL_SECONDS = 0.2
GRACE_SECONDS = 1.0
"""Time to clean up after SIGTERM; a library that is computing does not return to Python before its end."""
STATUS = 128 + signal.SIGTERM


def end_with_parent() -> None:
    """From now on this process ends within two seconds after the one that started it."""
    threading.Thread(target=_end_with, args=(_starter(),), daemon=True).start()


def _end_with(starter: tuple[int, ...]) -> None:
    while _starter() == starter:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(STATUS)


def _starter() -> tuple[int, ...]:
    """The parent, and for a shell its parent as well: DVC starts a shell, which may stay in between."""
    try:
        parent = psutil.Process(os.getppid())
        return (parent.pid, parent.ppid()) if parent.name() in SHELLS else (parent.pid,)
    except psutil.Error:  # the parent has just ended
        return ()
