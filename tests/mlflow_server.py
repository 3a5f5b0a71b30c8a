"""An MLflow server in its own processes, to start and stop."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from projects import environment

VARIABLES = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
PATIENCE = 1200
"""Seconds for the server to start; reached only if it hangs."""


class MlflowServer:
    """`command` has no port; keywords are environment variables."""

    def __init__(self, root: Path, *command: str, **variables: str) -> None:
        self.log, self.port = root / "server.log", free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._command = [*command, "--port", str(self.port)]
        self._environment = environment(root, PYTHONWARNINGS="ignore", **VARIABLES, **variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it responds."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, process_group=0
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self._process.poll() is None, self.log.read_text()
            try:
                return urllib.request.urlopen(f"{self.address}/health", timeout=5).close()
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
