"""A small server for the page: loopback alone, GET alone, listed files alone, and strict about what the page may do."""

import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from emopipe.core.errors import WorkspaceError
from emopipe.inference.web.site import Asset

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
WORKER = "/worker.js"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
"""The worker sees the pictures: it compiles WebAssembly and may connect to nothing."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Hands out a site; `address` says where. Port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, site: Mapping[str, Asset], *, port: int) -> None:
        """Raises `WorkspaceError` when the port is taken."""
        self.site = site
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise WorkspaceError(f"port {port} is not free ({error.strerror}): name another with --port") from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """Browsers give the camera to pages of `localhost`."""
        return f"http://localhost:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    """GET of what is listed."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version = "emopipe"
    sys_version = ""
    timeout = 30  # seconds that a slow or silent client gets

    def do_GET(self) -> None:
        """The file, or an error in a word."""
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in NAMES:  # a foreign name that was bent to loopback
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        address = urlsplit(self.path).path
        asset = self.server.site.get(address)
        if asset is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        policy = WORKER_POLICY if address == WORKER else PAGE_POLICY
        headers = {"Content-Type": asset.content_type, "Content-Length": str(len(asset.content))}
        for name, value in (headers | HEADERS | {"Content-Security-Policy": policy}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(asset.content)

    def _refuse(self) -> None:
        self.send_response(HTTPStatus.METHOD_NOT_ALLOWED)
        for name, value in {"Allow": "GET", "Content-Length": "0", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who loads a page sees whether it came."""
