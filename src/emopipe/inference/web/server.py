"""The server of the page: GET of the files in memory, on loopback only, with a strict content security policy."""

import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from emopipe.core.errors import WorkspaceError
from emopipe.inference.web.site import Asset

HOST = "127.0.0.1"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WORKER = "/worker.js"
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""The worker receives the frames: it compiles WebAssembly and cannot connect to anything."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Serves a site on `port`, or a free one if it is 0."""

    daemon_threads = True

    def __init__(self, site: Mapping[str, Asset], *, port: int) -> None:
        """Raises `WorkspaceError` if the port is taken."""
        self.site = site
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise WorkspaceError(f"port {port} is not free ({error.strerror}): change --port") from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that disconnects."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Browsers give pages of `localhost` the camera."""
        return f"http://localhost:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version = "emopipe"
    sys_version = ""
    timeout = 30  # seconds for a slow client

    def do_GET(self) -> None:
        address = urlsplit(self.path).path
        asset = self.server.site.get(address)
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in (HOST, "localhost"):  # DNS rebinding
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif asset is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            policy = {"Content-Security-Policy": WORKER_POLICY if address == WORKER else PAGE_POLICY}
            self._respond(HTTPStatus.OK, {"Content-Type": asset.content_type} | HEADERS | policy, asset.content)

    def _refuse(self) -> None:
        self._respond(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET", "Connection": "close"})

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse

    def _respond(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
