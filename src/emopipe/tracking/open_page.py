"""Opens a page in the browser once its server responds: a process beside `emopipe ui`, which becomes the server."""

import os
import socket
import subprocess
import sys
import time
import webbrowser

PATIENCE = 60
"""Seconds for the server to start."""


def open_when_ready(page: str, host: str, port: int) -> None:
    """Return at once; without a screen there is nothing to open."""
    has_screen = sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys()
    if has_screen:
        subprocess.Popen([sys.executable, "-m", __name__, page, host, str(port)], stdout=subprocess.DEVNULL)


def main(page: str, host: str, port: str) -> None:
    """Wait for the server; its end, or that of its patience, ends this too."""
    server, until = os.getppid(), time.monotonic() + PATIENCE
    while time.monotonic() < until and os.getppid() == server:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            webbrowser.open(page)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
