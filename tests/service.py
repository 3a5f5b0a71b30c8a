"""A service in a process of its own, and clients for it."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from emopipe.inference.http.limits import Limits
from projects import ROOT, environment

CODE = """
import json, sys
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.server import run_server
from emopipe.inference.model import open_recogniser

model, limits = sys.argv[1], Limits(**json.loads(sys.argv[2]))
recogniser = open_recogniser(model, yunet=None, longest=320, uncertain_below=0.5, num_threads=1)
run_server(recogniser, limits, host="127.0.0.1", port=0)
"""
PATIENCE = 120
"""Seconds; reached only if the service hangs."""


@dataclass(frozen=True)
class Reply:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Service:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str], port: int, errors: IO[str]) -> None:
        self.process, self.port, self._errors = process, port, errors

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own; `Content_Type="image/png"` is a header."""
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def predict(self, image: bytes, *, crops: bool = False) -> Reply:
        path = "/predict?crops=true" if crops else "/predict"
        return self.ask("POST", path, image, Content_Type="application/octet-stream")

    def send(self, *parts: bytes) -> bytes:
        """Send raw bytes on a connection of its own; all received bytes until the service closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            received = b""
            try:
                for part in parts:
                    connection.sendall(part)
                while part := connection.recv(65536):
                    received += part
            except ConnectionError:
                pass
            return received

    def metric(self, name: str) -> float:
        text = self.ask("GET", "/metrics").body.decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE).group(1))

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and standard error."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self._errors.seek(0)
        return status, self._errors.read()


@contextmanager
def serving(bundle: Path, **limits) -> Iterator[Service]:
    """A service with the model in `bundle`; keywords are fields of `Limits`."""
    known = asdict(Limits(**limits))
    command = [sys.executable, "-c", CODE, str(bundle), json.dumps(known)]
    with (
        tempfile.TemporaryFile("w+") as errors,  # an unread pipe would fill up and block the service
        subprocess.Popen(command, env=environment(ROOT), stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            port = int(re.match(r"serving at http://127\.0\.0\.1:(\d+);", process.stdout.readline())[1])
            yield Service(process, port, errors)
        finally:
            process.kill()
